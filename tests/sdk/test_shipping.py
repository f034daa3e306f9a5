"""What is in a journal gets into the ledger once, wherever a shipment was cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import LooplineError, Refused, Unavailable
from loopline.loop import Loop
from loopline.nouns.run import Point, Run, RunState
from loopline.sdk import shipping
from loopline.sdk.client import Local
from loopline.sdk.journal import Journal
from loopline.sdk.shipping import Shipment
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as new_loop
from loopline.verbs.log import log


@pytest.fixture
def loop() -> Iterator[Loop]:
    """An empty loop in memory."""
    made = new_loop()
    yield made
    made.ledger.close()


@pytest.fixture
def journal(tmp_path: Path, loop: Loop) -> Iterator[Journal]:
    """A journal of a run with one param."""
    made = Journal(tmp_path, head(loop.ids.new()), loop.clock.now)
    yield made
    made.close()


def head(run: str, **more: Any) -> dict[str, Any]:
    return {
        "run": run, "name": "train", "project": "flights", "actor": "person:bea", "experiment": "delay", "kind": "run",
        "params": {"depth": "8"}, "tags": {}, "parent": None,
    } | more  # fmt: skip


def shipment(loop: Loop, journal: Journal, *, fresh: bool = True) -> Shipment:
    return Shipment(Local(loop), journal.path, journal.number(), source=journal.source, fresh=fresh)


def run_of(loop: Loop, journal: Journal) -> Run:
    with loop.ledger.read() as tx:
        return tx.runs.get(journal._start["run"])


def steps(loop: Loop, journal: Journal, key: str = "loss") -> list[int]:
    with loop.ledger.read() as tx:
        return [one.step for one in tx.metrics.history(journal._start["run"], key, limit=10**6)]


def test_everything_arrives(loop: Loop, journal: Journal) -> None:
    """Points, params, tags, links and the end of a run are in the ledger after one shipment, under the run's own actor."""
    link = {
        "name": "x",
        "digest": "sha256:" + "1" * 64,
        "media_type": "text/csv",
        "size": 3,
        "asset": None,
        "number": None,
    }
    journal.append("points", [["loss", 0.5, 1], ["loss", "nan", 2]])
    journal.append("params", {"rate": "0.1"})
    journal.append("tags", {"stage": "warm"})
    journal.append("input", link)
    journal.append("output", link | {"name": "y"})
    journal.append("finish", {"state": "failed", "error": "boom"})
    shipment(loop, journal).ship()
    run = run_of(loop, journal)
    assert run.params == {"depth": "8", "rate": "0.1"}
    assert (run.tags, run.state, run.error) == ({"stage": "warm"}, RunState.FAILED, "boom")
    assert (run.actor, run.experiment) == ("person:bea", "delay")
    assert [one.name for one in (*run.inputs, *run.outputs)] == ["x", "y"]
    assert steps(loop, journal) == [1, 2]


@pytest.mark.parametrize("knows", [True, False])
def test_a_second_shipper_repeats_nothing(loop: Loop, journal: Journal, *, knows: bool) -> None:
    """Whether or not the journal tells how far it was shipped, each point is in the ledger once."""
    for step in range(50):
        journal.append("points", [["loss", 1.0, step]])
        if step == 30:
            first = shipment(loop, journal)
            first.ship()
            if knows:
                journal.append("shipped", first.end)
    again = shipment(loop, journal, fresh=False)
    again.skip()
    again.ship()
    assert steps(loop, journal) == list(range(50))


class Lossy(Local):
    """A client whose answers get lost: before the ledger has heard, or after it has committed."""

    def __init__(self, loop: Loop, fates: list[str]) -> None:
        super().__init__(loop)
        self.fates = fates

    def do(self, verb: Any, /, *args: Any, **asked: Any) -> Any:
        fate = self.fates.pop(0) if self.fates else "fine"
        if fate == "unheard":
            raise Unavailable("gone", kind="server-unreachable")
        answer = super().do(verb, *args, **asked)
        if fate == "unanswered":
            raise Unavailable("gone", kind="server-unreachable")
        return answer

    def within(self, project: str, actor: str) -> Lossy:
        return self


@settings(max_examples=60)
@given(
    fates=st.lists(st.sampled_from(["fine", "unheard", "unanswered"]), max_size=25),
    script=st.lists(st.sampled_from(["points", "params", "bad", "ship", "again"]), max_size=30),
)
def test_lost_answers_repeat_nothing(
    tmp_path_factory: pytest.TempPathFactory, fates: list[str], script: list[str]
) -> None:
    """Whatever answers are lost, before or after the commit, and however much is logged meanwhile, each record arrives once."""
    loop = new_loop()
    journal = Journal(tmp_path_factory.mktemp("journal"), head(loop.ids.new()), loop.clock.now)
    client = Lossy(loop, list(fates))

    def begin(*, fresh: bool) -> Shipment:
        return Shipment(client, journal.path, journal.number(), source=journal.source, fresh=fresh)

    one, logged = begin(fresh=True), 0
    for word in [*script, *["ship"] * (len(fates) + 1)]:
        match word:
            case "points":
                journal.append("points", [["loss", 1.0, logged]])
                logged += 1
            case "params":
                journal.append("params", {f"p{logged}": "x"})
            case "bad":
                journal.append("params", {"depth": "other"})
            case "again":  # the process died, and the next one goes on
                one = begin(fresh=False)
                with suppress(Unavailable):
                    one.skip()
            case _:
                with suppress(Unavailable):
                    one.ship()
    assert steps(loop, journal) == list(range(logged))
    journal.close()
    loop.ledger.close()


@pytest.mark.parametrize("kind", ["not-signed-in", "not-allowed"])
def test_a_stranger_loses_nothing(loop: Loop, journal: Journal, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Where the server does not know who asks, the records stay: with another token they are taken."""
    journal.append("points", [["loss", 1.0, 1]])
    one = shipment(loop, journal)
    monkeypatch.setattr(Local, "within", lambda self, *_: self)
    with monkeypatch.context() as patched:

        def refuse(verb: Any, *args: Any, **asked: Any) -> Any:
            if verb is log:
                raise Refused("no", kind=kind)
            return Local(loop).do(verb, *args, **asked)

        patched.setattr(one.client, "do", refuse)
        with pytest.raises(Refused):
            one.ship()
    one.ship()
    assert (steps(loop, journal), one.refused) == ([1], 0)


def test_batches_of_other_sizes_repeat_nothing(loop: Loop, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new Loopline that cuts batches differently takes over where the old one stopped."""
    for step in range(200):
        journal.append("points", [["loss", 1.0, step]])
    monkeypatch.setattr(shipping, "PIECE", 700)
    one = shipment(loop, journal)
    calls = iter(range(7))

    def until(function: Any, *args: Any, **asked: Any) -> Any:
        if next(calls, None) is None:
            raise Unavailable("gone", kind="gone")
        return Local(loop).do(function, *args, **asked)

    monkeypatch.setattr(Local, "within", lambda self, *_: self)
    monkeypatch.setattr(one.client, "do", until)
    with pytest.raises(LooplineError):
        one.ship()
    monkeypatch.setattr(shipping, "PIECE", 1 << 18)
    shipment(loop, journal, fresh=False).ship()
    assert steps(loop, journal) == list(range(200))


def test_a_refused_record_does_not_keep_the_others(loop: Loop, journal: Journal) -> None:
    """A param that is written twice is left out; all points around it arrive."""
    for step in range(20):
        journal.append("points", [["loss", 1.0, step]])
        if step == 7:
            journal.append("params", {"depth": "9"})
    one = shipment(loop, journal)
    one.ship()
    assert steps(loop, journal) == list(range(20))
    assert run_of(loop, journal).params == {"depth": "8"}
    assert one.refused == 1


def test_a_record_longer_than_a_piece(loop: Loop, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record may be longer than what is read at once."""
    monkeypatch.setattr(shipping, "PIECE", 64)
    journal.append("tags", {"long": "x" * 5000})
    journal.append("points", [["loss", 1.0, 3]])
    shipment(loop, journal).ship()
    assert (len(run_of(loop, journal).tags["long"]), steps(loop, journal)) == (5000, [3])


def test_a_torn_record_is_passed_over(loop: Loop, journal: Journal) -> None:
    """What a full disk cut off is lost alone."""
    journal.append("points", [["loss", 1.0, 1]])
    os.write(journal.number(), b'\n12345678 ["points", 17, [["lo')
    journal.append("points", [["loss", 1.0, 2]])
    shipment(loop, journal).ship()
    assert steps(loop, journal) == [1, 2]


def test_publishing_twice_makes_one_version(loop: Loop, journal: Journal) -> None:
    """A shipper that died after the version was published finds it again."""
    digest = loop.blobs.put(b"report")
    journal.append(
        "publish",
        {
            "asset": "report/x",
            "name": "x",
            "digest": digest,
            "media_type": "text/plain",
            "size": 6,
            "message": "",
            "metadata": {},
        },
    )
    first = shipment(loop, journal)
    first.ship()
    shipment(loop, journal, fresh=False).ship()
    assert first.versions["x"].number == 1
    with loop.ledger.read() as tx:
        assert len(tx.versions.list(first.versions["x"].asset)) == 1
    assert [(one.name, one.asset, one.number) for one in run_of(loop, journal).outputs] == [("x", "report/x", 1)]


def test_a_clock_that_jumps_back(tmp_path: Path) -> None:
    """A run never ends before it began, and its points stay in the order of their steps."""
    clock = FakeClock()
    loop = new_loop(clock=clock)
    journal = Journal(tmp_path, head(loop.ids.new()), clock.now)
    journal.append("points", [["loss", 1.0, 1]])
    clock.set(clock.time - 3_600_000_000)
    journal.append("points", [["loss", 2.0, 2]])
    journal.append("finish", {"state": "finished", "error": None})
    shipment(loop, journal).ship()
    run = run_of(loop, journal)
    assert run.ended_at is not None
    assert run.started_at is not None
    assert run.ended_at >= run.started_at
    assert run.metrics == {"loss": 2.0}
    journal.close()
    loop.ledger.close()


def test_points_are_typed(loop: Loop, journal: Journal) -> None:
    """A value, its step and the time of its record arrive as one point."""
    journal.append("points", [["loss", 0.25, 4]])
    shipment(loop, journal).ship()
    with loop.ledger.read() as tx:
        assert tx.metrics.history(journal._start["run"], "loss") == [Point("loss", 0.25, 4, loop.clock.now())]


def test_reserved_tags_stay_behind_and_nothing_else_does(
    loop: Loop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A journal with tags that the ledger keeps to itself loses these alone, with a warning that names them."""
    journal = Journal(tmp_path, head(loop.ids.new(), tags={"task": "words", "mine": "1"}), loop.clock.now)
    journal.append("tags", {"log": "x", "other": "2"})
    journal.append("points", [("loss", 0.5, 0)])
    shipped = shipment(loop, journal)
    shipped.ship()
    run = run_of(loop, journal)
    assert (run.tags, run.metrics, shipped.refused) == ({"mine": "1", "other": "2"}, {"loss": 0.5}, 0)
    assert "task" in caplog.text
    assert "my.log" in caplog.text
    journal.close()
