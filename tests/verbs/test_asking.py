from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.errors import Conflict, Invalid
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.task import TaskState
from loopline.nouns.token import Scope
from loopline.testing.loop import loop
from loopline.verbs.asking import ask, begins_run, lose, queue_named, tell_end

SECOND = 1_000_000


def test_asking_puts_a_task_into_its_queue_and_says_so() -> None:
    """The task carries actor, verification, project and words, and is an event."""
    here = replace(loop("trains"), actor=Actor("token", "ci", verified=True))
    task = ask(here, "verify", {"deep": True}, queue="gpu-large")
    assert (task.project, task.verb, task.actor, task.verified, task.queue, task.words) == (
        "trains", "verify", "token:ci", True, "gpu-large", {"deep": True},
    )  # fmt: skip
    with here.ledger.read() as tx:
        (event,) = tx.feed.list("trains")
        assert (event.kind, event.subject, event.actor) == ("task.queued", task.id, "token:ci")
        assert tx.feed.verify("trains") is None


@pytest.mark.parametrize("name", ["", "Gpu", "a b", "-x", "x" * 101, "a/b"])
def test_a_queue_has_a_plain_name(name: str) -> None:
    """What is no name of a queue is refused before anything is written."""
    here = loop()
    with pytest.raises(Invalid) as caught:
        ask(here, "verify", {}, queue=name)
    assert caught.value.kind == "bad-queue"
    with here.ledger.read() as tx:
        assert not tx.feed.list("flights")
    assert queue_named("a.b-1") == "a.b-1"


def test_losing_a_worker_is_told_each_time() -> None:
    """The task waits again, twice, and the third time it has failed, each as an event."""
    here, states = loop(), list[TaskState]()
    ask(here, "verify", {})
    for _ in range(3):
        with here.ledger.telemetry() as tables:
            task = tables.tasks.claim("default", "w", lasting=SECOND)
        assert task is not None
        states.append(lose(here, task).state)
        with pytest.raises(Conflict):
            lose(here, task)
    assert states == [TaskState.QUEUED, TaskState.QUEUED, TaskState.FAILED]
    with here.ledger.read() as tx:
        events = tx.feed.list("flights")
        assert [event.kind for event in events] == ["task.queued", "task.queued", "task.queued", "task.ended"]
        assert events[-1].payload is not None
        assert events[-1].payload["error"] == "worker-lost"
        assert tx.feed.verify("flights") is None


def test_an_end_says_how() -> None:
    """The event of an end has verb and state, and the kind of an error where there is one, not its words."""
    here = loop()
    ask(here, "verify", {})
    with here.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "w", lasting=SECOND)
    assert task is not None
    error = {"class": "Invalid", "kind": "bad-value", "message": "a secret", "hint": "", "facts": {}}
    with here.ledger.write("flights", here.actor) as tx:
        tell_end(tx, tx.tasks.end(task.id, task.fence, TaskState.FAILED, error=error))
    with here.ledger.read() as tx:
        event = tx.feed.list("flights")[-1]
    assert (event.kind, event.payload) == ("task.ended", {"verb": "verify", "state": "failed", "error": "bad-value"})


@pytest.mark.parametrize(
    ("verb", "words", "one"),
    [
        ("run", {"pipeline": "train", "plan": False}, True), ("run", {"resume": "01a2"}, True),
        ("reproduce", {"run": "01a2"}, True), ("run", {"plan": True}, False), ("run", {"explain": True}, False),
        ("verify", {}, False), ("check", {"change": "01a2"}, False), ("promote", {"ref": "model/delay@champion"}, False),
    ],
)  # fmt: skip
def test_work_that_begins_one_run_has_its_id(verb: str, words: dict[str, object], one: bool) -> None:  # noqa: FBT001 (a case)
    """The id is there before any worker has looked at it; work that begins no run, or several, has none."""
    task = ask(loop(), verb, words)
    assert begins_run(verb, words) is one
    assert (task.run is not None, task.run == task.id) == (one, False)


def test_a_task_keeps_what_its_asker_may() -> None:
    """The scopes of the token that was shown go with the work; who was asked for none leaves none behind."""
    here, scopes = loop(), (Scope(("run",), "flights"),)
    known = Actor("token", "ci", verified=True)
    for caller, kept in (
        (Caller(known, {"flights": "contributor"}, scopes), scopes), (Caller(known, open=True), None), (None, None),
    ):  # fmt: skip
        task = ask(replace(here, actor=known, caller=caller), "verify", {})
        with here.ledger.read() as tx:
            assert tx.tasks.scopes(task.id) == kept
