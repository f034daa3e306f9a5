"""Everything that may happen to a ledger, in any order, with crashes in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused
from loopline.ledger.leases import Lease
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, OverrideRule, Policy
from loopline.store.database import Rows
from loopline.testing.clock import FakeClock
from loopline.testing.loop import empty_database, loop
from loopline.verbs import load

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


class Crash(BaseException):
    """The process dies here."""


class Crashing:
    """A database that dies at the n-th statement of a write, when it is told to."""

    def __init__(self) -> None:
        self._inner = empty_database()
        self.dialect = self._inner.dialect
        self.fuse: int | None = None

    @contextmanager
    def write(self) -> Iterator[Rows]:
        with self._inner.write() as rows:
            yield _CrashingRows(rows, self) if self.fuse is not None else rows

    def read(self) -> Any:
        return self._inner.read()

    def migrate(self, steps: Any) -> None:
        self._inner.migrate(steps)

    def close(self) -> None:
        self._inner.close()

    def burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise Crash


class _CrashingRows:
    def __init__(self, rows: Rows, database: Crashing) -> None:
        self._rows, self._database = rows, database
        self.dialect = rows.dialect

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._rows, name)

        def call(*args: Any) -> Any:
            self._database.burn()
            return method(*args)

        return call


class LedgerMachine(RuleBasedStateMachine):
    """Drives verbs and the ledger, and keeps its own simple idea of what must be true."""

    changes = Bundle("changes")
    leases = Bundle("leases")

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock(step=1)
        self.database = Crashing()
        self.loop: Loop = loop(
            PROJECT, database=self.database, clock=self.clock, ledger=Ledger(self.database, clock=self.clock)
        )
        self.refs: dict[RefName, int] = {}
        self.numbers: dict[AssetName, int] = {}
        self.quarantined: set[tuple[AssetName, int]] = set()
        self.seq = 0
        document = dump_document(Document((POLICY,), ())).decode()
        self.do("policy", document=document, why="first")
        self.refs[RefName(AssetName(PROJECT, "policy", PROJECT), "main")] = 1
        for model in MODELS:
            self.put(model, b"first")

    def do(self, verb: str, *args: Any, actor: Actor = PEOPLE[0], **asked: Any) -> Any:
        """Call a verb; a write that ended well is one event more."""
        before = self._head()
        try:
            answer = load(verb)(replace(self.loop, actor=actor), *args, **asked)
        except Refused as refused:
            assert self._head() == before + (refused.kind == "policy")
            self.seq = self._head()
            raise
        except (LooplineError, Crash):
            assert self._head() == before
            raise
        self.seq = self._head()
        assert self.seq == before + 1
        return answer

    def _head(self) -> int:
        with self.loop.ledger.read() as tx:
            return tx.feed.head(PROJECT).seq

    def _took(self, change: Change) -> None:
        if change.state is ChangeState.APPLIED:
            for move in change.moves:
                if move.new is None:
                    self.refs.pop(move.ref, None)
                else:
                    self.refs[move.ref] = move.new

    # what people do

    @rule(model=st.sampled_from(MODELS), body=st.binary(max_size=2))
    def put(self, model: AssetName, body: bytes) -> None:
        version = self.do("put", model, digest=self.loop.blobs.put(body))
        assert version.number == self.numbers.get(model, 0) + 1
        self.numbers[model] = version.number

    @rule(
        ref=st.sampled_from(BRANCHES),
        files=st.dictionaries(st.sampled_from("abc"), st.binary(max_size=1)),
        known=st.booleans(),
    )
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
    def stage(self, path: str, owner: str) -> None:
        with self.loop.ledger.write(PROJECT, PEOPLE[0]) as tx:
            tx.staging.put(owner, Entry(path, digest_of(b""), 0))
            tx.say("staged", owner)
        with self.loop.ledger.read() as tx:
            assert path in dict(tx.staging.list(owner))

    @rule(
        target=changes, ref=st.sampled_from(REFS), to=st.integers(1, 4), lift=st.booleans(), who=st.sampled_from(PEOPLE)
    )
    def propose(self, ref: RefName, to: int, who: Actor, *, lift: bool) -> Any:
        try:
            change = self.do("propose", ref, to=Numbered(to), why="because", lift=lift, actor=who)
        except Refused as error:
            assert error.kind == "quarantined"
            assert (ref.asset, to) in self.quarantined
            return multiple()
        except Invalid:
            assert self.refs.get(ref) == to
            return multiple()
        except LooplineError as error:
            assert error.kind in {"no-version", "rolling", "version-deleted"}
            return multiple()
        assert (change.state is ChangeState.APPLIED) == (ref.ref == "free")
        self._took(change)
        self._lifted(change)
        return change.id

    def _lifted(self, change: Change) -> None:
        if change.state is ChangeState.APPLIED:
            for text in change.lifts:
                model = next(m for m in MODELS if text.startswith(f"{m}@"))
                self.quarantined.discard((model, int(text.rpartition("@")[2])))

    @rule(change=changes, who=st.sampled_from(PEOPLE), reject=st.booleans())
    def approve(self, change: str, who: Actor, *, reject: bool) -> None:
        try:
            self.do("approve", change, reject=reject, actor=who)
        except Conflict as error:
            assert error.kind == "change-state"

    @rule(change=changes, who=st.sampled_from(PEOPLE), override=st.sampled_from([None, "must go"]))
    def apply(self, change: str, who: Actor, override: str | None) -> None:
        with self.loop.ledger.read() as tx:
            before = tx.changes.get(change)
        yes = {a.actor for a in before.approvals if a.answer == "approve"} - {before.author}
        no = {a.actor for a in before.approvals if a.answer == "reject"} - {before.author}
        try:
            applied = self.do("apply", change, override=override, actor=who)
        except Refused as error:
            assert error.kind in {"policy", "override-not-allowed", "quarantined"}
            if error.kind == "policy":
                assert not yes or no
            return
        except Conflict as error:
            assert error.kind in {"ref-moved", "change-state", "rolling"}
            return
        except NotFound as error:
            assert error.kind == "no-version"  # it was deleted meanwhile
            return
        if before.moves[0].ref.ref == "champion":
            assert (yes and not no) or applied.override is not None
        self._took(applied)
        self._lifted(applied)

    @rule(change=changes)
    def withdraw(self, change: str) -> None:
        try:
            self.do("withdraw", change)
        except Conflict as error:
            assert error.kind == "change-state"

    @rule(ref=st.sampled_from(REFS))
    def rollback(self, ref: RefName) -> None:
        try:
            back = self.do("rollback", ref, why="it was wrong")
        except LooplineError as error:
            assert error.kind in {"no-ref", "nothing-to-undo", "quarantined", "rolling", "no-asset", "no-version"}
            return
        self._took(back)
        for move in back.moves:
            if move.old is not None:
                self.quarantined.add((move.ref.asset, move.old))

    @rule(target=leases, change=changes, holder=st.sampled_from("xy"))
    def roll(self, change: str, holder: str) -> Any:
        with self.loop.ledger.read() as tx:
            found = tx.changes.get(change)
        try:
            with self.loop.ledger.write(PROJECT, PEOPLE[0]) as tx:
                lease = tx.leases.take(f"ref:{found.moves[0].ref.key}", holder, lasting=1_000_000)
                if tx.changes.rolling(found.moves[0].ref):
                    raise Conflict("rolls already", kind="rolling")
                tx.changes.move(found, ChangeState.ROLLING)
                tx.say("change.rolling", change)
        except Conflict:
            return multiple()
        return (lease, change)

    @rule(rolling=leases)
    def stop(self, rolling: tuple[Lease, str]) -> None:
        lease, change = rolling
        with self.loop.ledger.read() as tx:
            found = tx.changes.get(change)
        try:
            with self.loop.ledger.write(PROJECT, PEOPLE[0]) as tx:
                tx.leases.check(lease)
                tx.changes.move(found, ChangeState.STOPPED, seq=tx.seq)
                tx.leases.give_back(lease)
                tx.say("change.stopped", change)
        except Conflict as error:
            assert error.kind in {"lease-lost", "change-state"}

    @rule(model=st.sampled_from(MODELS), number=st.integers(1, 4))
    def delete(self, model: AssetName, number: int) -> None:
        try:
            self.do("delete", f"{model}@{number}", why="old")
        except LooplineError as error:
            held = any(ref.asset == model and target == number for ref, target in self.refs.items())
            assert error.kind in {"no-version", "version-deleted"} or (error.kind == "version-in-use" and held)

    @rule(seconds=st.integers(-3600, 3600))
    def jump(self, seconds: int) -> None:
        """The clock jumps, forward or back."""
        self.clock.advance(seconds=seconds)

    @rule(
        fuse=st.integers(0, 30),
        ref=st.sampled_from(REFS),
        to=st.integers(1, 4),
        verb=st.sampled_from(["propose", "rollback", "put"]),
    )
    def crash(self, fuse: int, ref: RefName, to: int, verb: str) -> None:
        """The process dies at some statement of a write: nothing of it is there. If it got through, all of it is."""
        self.database.fuse = fuse
        try:
            if verb == "propose":
                self.propose(ref=ref, to=to, who=PEOPLE[1], lift=False)
            elif verb == "rollback":
                self.rollback(ref=ref)
            else:
                self.put(model=ref.asset, body=b"x")
        except Crash:
            pass
        finally:
            self.database.fuse = None

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
    def quarantine_is_remembered(self) -> None:
        with self.loop.ledger.read() as tx:
            for asset, number in self.quarantined:
                assert tx.versions.quarantined(asset, number) is not None

    @invariant()
    def one_change_rolls_on_a_ref(self) -> None:
        with self.loop.ledger.read() as tx:
            rolling = [
                c.moves[0].ref
                for c in tx.changes.list(PROJECT, open_only=True, limit=1000)
                if c.state is ChangeState.ROLLING
            ]
        assert len(rolling) == len(set(rolling))

    def teardown(self) -> None:
        """The whole chain holds in the end, whatever happened."""
        with self.loop.ledger.read() as tx:
            assert tx.feed.verify(PROJECT) is None
            assert [e.seq for e in tx.feed.iter(PROJECT)] == list(range(1, tx.feed.head(PROJECT).seq + 1))
        self.database.close()


@pytest.mark.slow
def test_any_order_of_events_leaves_the_ledger_true() -> None:
    """Sixty histories of up to forty events each, crashes among them; a history that breaks a rule is shortened and told."""
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
