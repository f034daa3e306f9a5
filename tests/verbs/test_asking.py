from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import Conflict, Invalid
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.check import Check
from loopline.nouns.ids import brief
from loopline.nouns.policy import Policy
from loopline.nouns.run import Run
from loopline.nouns.task import Task, TaskState, queue_named
from loopline.nouns.token import Scope
from loopline.nouns.verdict import Result, Verdict
from loopline.testing.loop import loop
from loopline.verbs.asking import ask, begins_run, lose, tell_end
from loopline.verbs.cancel import cancel

from .conftest import CHAMPION, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World

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
        tell_end(tx, here, tx.tasks.end(task.id, task.fence, TaskState.FAILED, error=error))
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


CHECKS = tuple(Check(name, ("model/*@champion",), "judge") for name in ("eval/all", "eval/slices"))


@pytest.fixture
def change(world: World) -> Change:
    """Propose a champion under a policy that wants two checks."""
    world.train(b"one")
    policy = Policy("champion", ("model/*@champion",), checks=("eval/all", "eval/slices"))
    world.do("policy", document=dump_document(Document((policy,), CHECKS)).decode(), why="test")
    return world.propose(1)  # type: ignore[no-any-return]


def claimed(world: World) -> Task:
    """Take the oldest task."""
    with world.loop.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "elsewhere", lasting=SECOND)
    assert task is not None
    return task


def announce(world: World, change: Change, *names: str, run: str = "") -> None:
    """Say that checks are about to answer, as `check` does before their runs are there."""
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        for name in names:
            tx.verdicts.add(PROJECT, Verdict(name, change.head, Result.PENDING, run or world.loop.ids.new(), 0))
        tx.say("test", "x")


def answers(world: World, change: Change) -> dict[str, Result]:
    """Read what each check says."""
    return {one.check: one.result for one in world.do("show", change.id).change.verdicts}


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("check", {"change": "ID"}), ("check", {"change": str(CHAMPION)}),
        ("promote", {"ref": str(CHAMPION), "to": "1", "why": "x"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["tries used up", "cancelled"])
def test_no_check_waits_for_a_task_that_is_over(
    world: World, change: Change, verb: str, words: dict[str, Any], how: str
) -> None:
    """A worker that died elsewhere before its checks had runs leaves none pending: once the task is over they are errors."""
    asked = ask(world.loop, verb, {name: change.id if word == "ID" else word for name, word in words.items()})
    for _ in range(2):
        announce(world, change, "eval/all", "eval/slices")
        assert not lose(world.loop, claimed(world)).state.over
        assert set(answers(world, change).values()) == {Result.PENDING}, "another worker may have it"
    task = claimed(world)
    announce(world, change, "eval/all", "eval/slices")
    if how == "cancelled":
        cancel(world.loop, asked.id)
    after = lose(world.loop, task)
    assert after.state is (TaskState.CANCELLED if how == "cancelled" else TaskState.FAILED)
    assert answers(world, change) == {"eval/all": Result.ERROR, "eval/slices": Result.ERROR}
    page = world.do("show", change.id)
    assert all(f"loopline check {brief(change.id)}" in one.summary for one in page.change.verdicts)
    assert {one.result for one in page.change.decision.results} == {Result.ERROR}, "it was judged again"
    assert world.events()[-1].payload["unanswered"] == ["eval/all", "eval/slices"]  # type: ignore[index]


def test_what_others_are_about_to_answer_is_left_to_them(world: World, change: Change) -> None:
    """The end of a task says nothing of what was announced before it, by a run that is not its own, or by a task that goes on."""
    announce(world, change, "eval/all")
    world.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    for _ in range(2):
        ask(world.loop, "check", {"change": change.id})
    first = claimed(world)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        run = tx.runs.start(Run(world.loop.ids.new(), PROJECT, "judge", kind="check"))
        tx.say("test", run.id)
    announce(world, change, "eval/slices", run=run.id)
    lost = replace(first, state=TaskState.FAILED)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tell_end(tx, world.loop, lost)
    assert set(answers(world, change).values()) == {Result.PENDING}
    second = claimed(world)
    announce(world, change, "eval/all", "eval/slices")
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tell_end(tx, world.loop, tx.tasks.end(first.id, first.fence, TaskState.FAILED))
    assert set(answers(world, change).values()) == {Result.PENDING}
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tell_end(tx, world.loop, tx.tasks.end(second.id, second.fence, TaskState.FAILED))
    assert set(answers(world, change).values()) == {Result.ERROR}
