"""Everything that may happen to a ledger, in any order, with crashes in between.

The machine keeps its own simple idea of what must be true: where refs stand, which versions are gone or in quarantine, who
holds which lease until when, which change rolls, and (alerting.py) what monitors saw and who knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.errors import Conflict, LooplineError, Refused
from loopline.ledger.leases import Lease
from loopline.ledger.ledger import Ledger, Writing
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, RefName, parse_asset
from loopline.nouns.policy import Approvals, OverrideRule, Policy
from loopline.store.database import Database
from loopline.testing.clock import FakeClock
from loopline.testing.loop import empty_database, loop
from loopline.verbs import load
from loopline.verbs.carrying import carry_out
from tests.scenarios.alerting import AlertMachine
from tests.scenarios.crashing import Crash, Crashing, writes
from tests.scenarios.leasing import LASTING

PROJECT = "flights"
MODELS = [AssetName(PROJECT, "model", name) for name in ("a", "b")]
DATA = AssetName(PROJECT, "data", "rows")
REFS = [RefName(model, name) for model in MODELS for name in ("champion", "free")]
BRANCHES = [RefName(DATA, name) for name in ("main", "other")]
PEOPLE = [Actor("person", name) for name in ("ann", "bob", "sre")]
POLICY = Policy(
    "champions",
    ("model/*@champion",),
    approvals=Approvals(count=1, not_author=True),
    override=OverrideRule(by=("person:sre",)),
)


class LedgerMachine(AlertMachine):
    """Drives verbs and the ledger, and keeps its own simple idea of what must be true."""

    changes = Bundle("changes")

    @initialize(target=changes)
    def begin(self) -> Any:
        self.fuse = None
        self.clock = FakeClock(step=1)
        self.loop: Loop = loop(PROJECT, database=empty_database(), clock=self.clock)
        self.open()
        self.refs: dict[RefName, int] = {}
        self.numbers: dict[AssetName, int] = {}
        self.deleted: set[tuple[AssetName, int]] = set()
        self.quarantined: set[tuple[AssetName, int]] = set()
        self.held = {}
        self.rolling: dict[RefName, str] = {}
        self.begin_watching()
        document = dump_document(Document((POLICY,), ())).decode()
        self.do("policy", document=document, why="first")
        self.refs[RefName(AssetName(PROJECT, "policy", PROJECT), "main")] = 1
        for model in MODELS:
            for body in (b"first", b"second", b"third"):
                self.put(model=model, body=body)
        aims = [(ref, to) for ref in REFS for to in ((2, 3) if ref.ref == "champion" else (1,))]
        return multiple(*(self.propose(ref=ref, to=to, who=PEOPLE[0], lift=False) for ref, to in aims))

    def new_database(self) -> Database:
        """Make what this machine works on."""
        return empty_database()

    def open(self) -> None:
        """Be a process that has just begun."""
        self.database = Crashing(self.new_database())
        self.loop = replace(self.loop, ledger=Ledger(self.database, clock=self.clock))

    def died(self) -> None:
        """Go on as another process would. What is in memory has nothing that another process could open."""

    def do(self, verb: str, *args: Any, actor: Actor = PEOPLE[0], **asked: Any) -> Any:
        """Call a verb; a write that ended well is one event more."""
        before = self._head()
        try:
            answer = load(verb)(replace(self.loop, actor=actor), *args, **asked)
        except Refused as refused:
            assert self._head() == before + (refused.kind == "policy")
            raise
        except (LooplineError, Crash):
            assert self._head() == before
            raise
        assert self._head() == before + 1
        return answer

    @contextmanager
    def writing(self, kind: str) -> Iterator[Writing]:
        """Write to the ledger as a verb does; what ended well is one event more."""
        before = self._head()
        try:
            with self.loop.ledger.write(PROJECT, PEOPLE[0]) as tx:
                yield tx
                tx.say(kind, "test")
        except (LooplineError, Crash):
            assert self._head() == before
            raise
        assert self._head() == before + 1

    def _head(self) -> int:
        with self.loop.ledger.read() as tx:
            return tx.feed.head(PROJECT).seq

    def _change(self, change: str) -> Change:
        with self.loop.ledger.read() as tx:
            return tx.changes.get(change)

    def _holds(self, ref: RefName, number: int | None) -> bool:
        """Whether a ref could be moved there."""
        return number is None or (number <= self.numbers.get(ref.asset, 0) and (ref.asset, number) not in self.deleted)

    def _took(self, change: Change) -> None:
        """Note what an applied change has moved and lifted."""
        if change.state is not ChangeState.APPLIED:
            return
        for move in change.moves:
            assert self._holds(move.ref, move.new), "it was there when the ref moved"
            if move.new is None:
                self.refs.pop(move.ref, None)
            else:
                self.refs[move.ref] = move.new
            if self.rolling.get(move.ref) == change.id:
                del self.rolling[move.ref]
        for text in change.lifts:
            model = next(m for m in MODELS if text.startswith(f"{m}@"))
            self.quarantined.discard((model, int(text.rpartition("@")[2])))

    # what people do

    @rule(model=st.sampled_from(MODELS), body=st.binary(max_size=2))
    @writes
    def put(self, model: AssetName, body: bytes) -> None:
        version = self.do("put", model, digest=self.loop.blobs.put(body))
        assert version.number == self.numbers.get(model, 0) + 1
        self.numbers[model] = version.number

    @rule(
        ref=st.sampled_from(BRANCHES),
        files=st.dictionaries(st.sampled_from("abc"), st.binary(max_size=1)),
        known=st.booleans(),
    )
    @writes
    def commit(self, ref: RefName, files: dict[str, bytes], *, known: bool) -> None:
        tree = build(
            self.loop.blobs, [Entry(path, self.loop.blobs.put(body), len(body)) for path, body in sorted(files.items())]
        )
        expect = self.refs.get(ref) if known else 99
        try:
            published = self.do("add", DATA, tree=tree, branch=ref.ref, expect=expect)
        except Conflict:
            assert not known
            return
        assert known or expect is None
        if published.change:
            assert published.version.number == self.numbers.get(DATA, 0) + 1
            self.numbers[DATA] = published.version.number
            self._took(published.change)

    @rule(path=st.sampled_from("abc"), owner=st.sampled_from(["run:1", "ref:main"]))
    @writes
    def stage(self, path: str, owner: str) -> None:
        with self.writing("staged") as tx:
            tx.staging.put(owner, Entry(path, digest_of(b""), 0))
        with self.loop.ledger.read() as tables:
            assert path in [one.path for one in tables.staging.list(owner)]

    @rule(
        target=changes,
        ref=st.sampled_from(REFS),
        to=st.sampled_from([1, 2, 3, 2, 3, 4, None]),
        lift=st.booleans(),
        who=st.sampled_from(PEOPLE),
    )
    @writes
    def propose(self, ref: RefName, to: int | None, who: Actor, *, lift: bool) -> Any:
        asked = {"delete": True} if to is None else {"to": Numbered(to), "lift": lift}
        try:
            change = self.do("propose", ref, why="because", actor=who, **asked)
        except LooplineError as error:
            assert {
                "quarantined": (ref.asset, to) in self.quarantined and not lift,
                "nothing-to-move": self.refs.get(ref) == to,
                "no-ref": to is None and ref not in self.refs,
                "no-version": to is not None and to > self.numbers[ref.asset],
                "version-deleted": (ref.asset, to) in self.deleted,
                "rolling": ref in self.rolling,
            }[error.kind]
            return multiple()
        assert self._holds(ref, to)
        assert (change.state is ChangeState.APPLIED) == (ref.ref == "free")
        self._took(change)
        return change.id

    @rule(change=changes, who=st.sampled_from(PEOPLE), reject=st.booleans())
    @writes
    def approve(self, change: str, who: Actor, *, reject: bool) -> None:
        try:
            self.do("approve", change, reject=reject, actor=who)
        except Conflict as error:
            assert error.kind == "change-state"

    @rule(change=changes, who=st.sampled_from(PEOPLE), override=st.sampled_from([None, "must go"]))
    @writes
    def apply(self, change: str, who: Actor, override: str | None) -> None:
        before = self._change(change)
        (move,) = before.moves
        yes = {a.actor for a in before.approvals if a.answer == "approve"} - {before.author}
        no = {a.actor for a in before.approvals if a.answer == "reject"} - {before.author}
        try:
            applied = self.do("apply", change, override=override, actor=who)
        except Refused as error:
            assert error.kind in {"policy", "override-not-allowed", "quarantined"}
            if error.kind == "policy":
                assert not yes or no
            return
        except LooplineError as error:
            self._explained(error, before)
            return
        assert self.rolling.get(move.ref, change) == change
        if move.ref.ref == "champion":
            assert (yes and not no) or applied.override is not None
        self._took(applied)

    def _explained(self, error: LooplineError, change: Change) -> None:
        """Hold a change that was not carried out to what is in its way."""
        (move,) = change.moves
        assert {
            "ref-moved": self.refs.get(move.ref) != move.old,
            "change-state": change.state.over,
            "rolling": move.ref in self.rolling,  # another, or it rolls already
            "no-version": not self._holds(move.ref, move.new),  # it was deleted meanwhile
            "quarantined": (move.ref.asset, move.new) in self.quarantined,
        }[error.kind]

    @rule(change=changes)
    @writes
    def withdraw(self, change: str) -> None:
        try:
            self.do("withdraw", change)
        except Conflict as error:
            assert error.kind == "change-state"

    @precondition(lambda self: any(ref in self.refs for ref in REFS))
    @rule(ref=st.sampled_from(REFS))
    @writes
    def rollback(self, ref: RefName) -> None:
        try:
            back = self.do("rollback", ref, why="it was wrong")
        except LooplineError as error:
            assert error.kind in {"no-ref", "nothing-to-undo", "quarantined", "rolling", "no-asset", "no-version"}
            assert error.kind != "rolling" or ref in self.rolling
            return
        assert ref not in self.rolling
        self._took(back)
        for asset, _, number in (one.rpartition("@") for one in back.quarantines):
            self.quarantined.add((parse_asset(asset, project=ref.asset.project), int(number)))
        assert all(move.old is None or (move.ref.asset, move.old) in self.quarantined for move in back.moves)

    @rule(model=st.sampled_from([*MODELS, DATA]), number=st.integers(1, 4))
    @writes
    def delete(self, model: AssetName, number: int) -> None:
        expected = None
        if number > self.numbers.get(model, 0):
            expected = "no-version" if model in self.numbers else "no-asset"
        elif (model, number) in self.deleted:
            expected = "version-deleted"
        elif any((ref.asset, target) == (model, number) for ref, target in self.refs.items()):
            expected = "version-in-use"
        try:
            self.do("delete", f"{model}@{number}", why="old")
        except LooplineError as error:
            assert error.kind == expected
            return
        assert expected is None
        self.deleted.add((model, number))

    # what processes do

    @rule(target=AlertMachine.rolls, change=changes, holder=st.sampled_from("xy"), seconds=st.sampled_from(LASTING))
    @writes
    def roll(self, change: str, holder: str, seconds: int) -> Any:
        """Begin to roll a change, or take over one that rolls: whoever has the lease of its ref may."""
        found = self._change(change)
        ref = found.moves[0].ref
        try:
            with self.writing("change.rolling") as tx:
                lease = self._take(tx, f"ref:{ref.key}", holder, seconds)
                assert tx.changes.rolling(ref) == self.rolling.get(ref)
                if self.rolling.get(ref, change) != change:
                    raise Conflict("another rolls", kind="rolling")
                if ref not in self.rolling:
                    tx.changes.move(found, ChangeState.ROLLING)
        except Conflict as error:
            assert error.kind != "change-state" or found.state.over
            return multiple()
        self.held[lease.name], self.rolling[ref] = lease, change
        return (lease, change)

    @rule(rolling=AlertMachine.rolls)
    @writes
    def stop(self, rolling: tuple[Lease, str]) -> None:
        """End a rolling change where it was: only the newest lease that has not run out may."""
        lease, change = rolling
        found = self._change(change)
        try:
            with self.writing("change.stopped") as tx:
                self._check(tx, lease)
                tx.changes.move(found, ChangeState.STOPPED, seq=tx.seq)
                left = self._give_back(tx, lease)
        except Conflict as error:
            assert error.kind == "lease-lost" or (error.kind == "change-state" and found.state.over)
            return
        self.held[lease.name] = left
        assert self.rolling.pop(found.moves[0].ref) == change

    @rule(rolling=AlertMachine.rolls)
    @writes
    def arrive(self, rolling: tuple[Lease, str]) -> None:
        """End a rolling change at its target: the ref moves with it, and only under the lease."""
        lease, change = rolling
        found = self._change(change)
        try:
            with self.writing("change.applied") as tx:
                self._check(tx, lease)
                arrived = carry_out(tx, found)
                left = self._give_back(tx, lease)
        except LooplineError as error:
            if error.kind != "lease-lost":
                self._explained(error, found)
            return
        self.held[lease.name] = left
        assert (found.state, arrived.state) == (ChangeState.ROLLING, ChangeState.APPLIED)
        assert self.rolling[found.moves[0].ref] == change
        self._took(arrived)

    # what the world does

    @rule(seconds=st.sampled_from([-3600, -60, -1, 0, 1, 60, 3600]))
    def jump(self, seconds: int) -> None:
        """The clock jumps, forward or back."""
        self.clock.advance(seconds=seconds)

    @rule(fuse=st.integers(0, 30))
    def crash(self, fuse: int) -> None:
        """The process dies at some statement of whatever writes next. If it ends before, all of it is there."""
        self.fuse = fuse

    # what must be true

    @invariant()
    def refs_are_where_they_were_moved(self) -> None:
        with self.loop.ledger.read() as tx:
            assert {ref.name: ref.target for ref in tx.refs.list(PROJECT)} == self.refs

    @invariant()
    def history_ends_where_refs_stand(self) -> None:
        with self.loop.ledger.read() as tx:
            for ref in [*REFS, *BRANCHES]:
                told = tx.changes.history(ref, limit=1000)
                assert (told[0].new if told else None) == self.refs.get(ref)
                for newer, older in pairwise(told):
                    assert newer.old == older.new
                    assert newer.seq > older.seq

    @invariant()
    def numbers_have_no_gap(self) -> None:
        with self.loop.ledger.read() as tx:
            for asset, last in self.numbers.items():
                assert [v.number for v in tx.versions.list(asset, limit=1000, deleted=True)] == list(range(last, 0, -1))

    @invariant()
    def what_is_marked_stays_marked(self) -> None:
        """Just what was deleted is deleted, and just what was rolled back and not lifted is in quarantine."""
        deleted, quarantined = set(), set()
        with self.loop.ledger.read() as tx:
            for asset in self.numbers:
                for version in tx.versions.list(asset, limit=1000, deleted=True):
                    deleted |= {(asset, version.number)} if version.deleted_at is not None else set()
                    quarantined |= {(asset, version.number)} if version.quarantined else set()
        assert deleted == self.deleted
        assert quarantined == self.quarantined

    @invariant()
    def no_ref_points_at_what_is_gone(self) -> None:
        with self.loop.ledger.read() as tx:
            for ref in tx.refs.list(PROJECT):
                assert tx.versions.get(ref.name.asset, ref.target).deleted_at is None

    @invariant()
    def one_change_rolls_on_a_ref(self) -> None:
        with self.loop.ledger.read() as tx:
            rolling = [
                (move.ref, change.id)
                for change in tx.changes.list(PROJECT, open_only=True, limit=1000)
                if change.state is ChangeState.ROLLING
                for move in change.moves
            ]
        assert sorted(rolling) == sorted(self.rolling.items())

    def teardown(self) -> None:
        """The whole chain holds in the end, whatever happened."""
        with self.loop.ledger.read() as tx:
            assert tx.feed.verify(PROJECT) is None
            assert [e.seq for e in tx.feed.iter(PROJECT)] == list(range(1, tx.feed.head(PROJECT).seq + 1))
        self.check_turns()
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        self.database.close()
