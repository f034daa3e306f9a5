"""A ledger as the worker of one task sees it."""

from __future__ import annotations

import pytest

from loopline.errors import Conflict, Refused
from loopline.loop import Loop
from loopline.nouns.run import Point, Run
from loopline.nouns.task import Task, TaskState
from loopline.server.fenced import Fenced
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as new_loop
from loopline.verbs.asking import ask
from loopline.verbs.burying import FENCE

SECOND = 1_000_000


def anything(run: Run) -> None:
    """Accept a run."""


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Loop:
    """Give an empty loop."""
    return new_loop(clock=clock)


def taken(loop: Loop) -> Task:
    """Ask for a task and take it."""
    ask(loop, "run", {})
    with loop.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "w", lasting=10 * SECOND)
    assert task is not None
    return task


def start(loop: Loop, ledger: Fenced, **fields: str) -> Run:
    """Start a run through the worker's ledger."""
    with ledger.write("flights", loop.actor) as tx:
        tx.say("test", "test")
        return tx.runs.start(Run(loop.ids.new(), "flights", "train", **fields))  # type: ignore[arg-type]


def test_what_comes_of_a_task_is_marked(loop: Loop) -> None:
    """Runs carry the task and its fence, also those of a transaction inside another."""
    task = taken(loop)
    ledger = Fenced(loop.ledger, task, clock=loop.clock, fits=anything)
    marks = {"task": task.id, FENCE: "1"}
    assert start(loop, ledger).tags == marks
    with ledger.telemetry():
        assert start(loop, ledger).tags == marks


def test_whoever_has_lost_the_task_changes_nothing(loop: Loop, clock: FakeClock) -> None:
    """Neither a write nor telemetry gets in once the lease is over, taken by another, or the task ended; reading goes on."""
    task = taken(loop)
    ledger = Fenced(loop.ledger, task, clock=loop.clock, fits=anything)
    run = start(loop, ledger)

    def refused() -> None:
        with loop.ledger.read() as tx:
            head = tx.feed.head("flights")
        with pytest.raises(Conflict) as caught:
            start(loop, ledger)
        assert caught.value.kind == "lease-lost"
        with pytest.raises(Conflict), ledger.telemetry() as tables:
            tables.metrics.add(run.id, [Point("loss", 1.0)])
        with ledger.read() as tx:
            assert tx.feed.head("flights") == head
            assert tx.metrics.history(run.id, "loss") == []

    clock.advance(seconds=11)
    refused()
    with loop.ledger.telemetry() as tables:
        tables.tasks.lose(task.id, task.fence)
        again = tables.tasks.claim("default", "w2", lasting=10 * SECOND)
    assert again is not None
    refused()
    with loop.ledger.telemetry() as tables:
        tables.tasks.end(task.id, again.fence, TaskState.DONE)
    refused()


def test_a_run_that_does_not_fit_is_not_started(loop: Loop) -> None:
    """What looks at each run may refuse it; then nothing of the transaction stays."""

    def fits(run: Run) -> None:
        if run.environment:
            raise Refused("no", kind="environment-missing")

    ledger = Fenced(loop.ledger, taken(loop), clock=loop.clock, fits=fits)
    start(loop, ledger)
    with pytest.raises(Refused):
        start(loop, ledger, environment="sha256:" + "0" * 64)
    with loop.ledger.read() as tx:
        assert len(tx.runs.search("r.project = ?", ["flights"], order="r.id", limit=10)) == 1
