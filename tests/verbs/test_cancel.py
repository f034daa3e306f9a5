from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.run import Run
from loopline.nouns.task import TaskState
from loopline.testing.loop import loop
from loopline.verbs.asking import ask
from loopline.verbs.cancel import cancel


def kinds(here: object) -> list[str]:
    """Give the kinds of the events."""
    with here.ledger.read() as tx:  # type: ignore[attr-defined]
        return [event.kind for event in tx.feed.list("flights")]


def test_what_waits_is_over_at_once() -> None:
    """The task is cancelled, and its end is an event with the reason."""
    here = loop()
    task = ask(here, "verify", {})
    assert cancel(here, task.id, why="not now").state is TaskState.CANCELLED
    with here.ledger.read() as tx:
        event = tx.feed.list("flights")[-1]
    assert event.kind == "task.ended"
    assert event.payload is not None
    assert event.payload["why"] == "not now"


def test_what_runs_is_asked_to_stop() -> None:
    """A running task goes on until its worker hears of it; asking is an event and may be repeated, also once it is over."""
    here = loop()
    task = ask(here, "verify", {})
    with here.ledger.telemetry() as tables:
        running = tables.tasks.claim("default", "w", lasting=1_000_000)
    assert running is not None
    first = cancel(here, task.id)
    assert first.state is TaskState.RUNNING
    assert first.cancelled_at is not None
    assert cancel(here, task.id) == first
    with here.ledger.write("flights", here.actor) as tx:
        tx.tasks.end(task.id, running.fence, TaskState.CANCELLED)
        tx.say("task.ended", task.id)
    assert cancel(here, task.id).state is TaskState.CANCELLED
    assert kinds(here) == ["task.queued", "task.cancelled", "task.cancelled", "task.ended", "task.cancelled"]


def test_a_run_leads_to_its_task() -> None:
    """The first digits of a run that came of a task are enough; a run that came of none says who ends it."""
    here = loop()
    task = ask(here, "run", {})
    with here.ledger.write("flights", here.actor) as tx:
        mine = tx.runs.start(Run(here.ids.new(), "flights", "train", tags={"task": task.id}))
        other = tx.runs.start(Run(here.ids.new(), "flights", "train"))
        tx.say("test", "test")
    assert cancel(here, mine.id).id == task.id
    with pytest.raises(Invalid) as caught:
        cancel(here, other.id)
    assert caught.value.kind == "no-task-of-run"
    with pytest.raises(NotFound):
        cancel(here, "ffffffff")


def test_nobody_cancels_in_another_project() -> None:
    """A task of another project is not found, by its whole id neither."""
    here = loop()
    task = ask(here, "verify", {})
    with pytest.raises(NotFound):
        cancel(replace(here, project="trains"), task.id)


def test_a_tag_leads_to_no_task_of_another_project() -> None:
    """A run that names a task of another project finds none, and the task goes on."""
    here = loop()
    task = ask(replace(here, project="secret"), "verify", {})
    with here.ledger.write("flights", here.actor) as tx:
        run = tx.runs.start(Run(here.ids.new(), "flights", "train", tags={"task": task.id}))
        tx.say("test", "test")
    with pytest.raises(NotFound):
        cancel(here, run.id)
    with here.ledger.read() as tx:
        assert tx.tasks.get(task.id).state is TaskState.QUEUED
