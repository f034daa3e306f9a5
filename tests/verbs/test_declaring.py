from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.nouns.check import Check
from loopline.nouns.policy import Policy
from loopline.nouns.task import TaskState
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs.asking import ask
from loopline.verbs.declaring import awaited, declared_for

from .conftest import CHAMPION, OTHER, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World

CHECKS = tuple(Check(name, ("model/*@champion",), "judge") for name in ("eval/all", "eval/slices"))
POLICY = Policy("champion", ("model/*@champion",), checks=("eval/all",), metrics=("auc >= 0.5",))


@pytest.fixture
def judged(world: World) -> World:
    """Give two models and a policy that wants a check and a metric."""
    world.train(b"one")
    world.train(b"two")
    world.do("policy", document=dump_document(Document((POLICY,), CHECKS)).decode(), why="test")
    return world


def waiting(world: World, change: Change) -> set[str]:
    """Name what is awaited now."""
    with world.loop.ledger.read() as tx:
        return set(awaited(tx, world.loop, tx.changes.get(change.id)))


def results(world: World, change: Change) -> list[str]:
    """Judge a change as of now."""
    return [str(one.result) for one in world.do("review", change.id).requirements]


def test_checks_come_from_the_policy_in_force(judged: World) -> None:
    """The document's checks speak of the refs that they name; a deletion asks for none."""
    change = judged.propose(1)
    (move,) = change.moves
    with judged.loop.ledger.read() as tx:
        assert list(declared_for(tx, judged.loop, move)) == list(CHECKS)
        assert list(declared_for(tx, judged.loop, replace(move, new=None))) == []


def test_a_metric_whose_check_is_queued_is_pending(judged: World) -> None:
    """Nobody has failed while the answer is on its way; without a task, what is missing fails."""
    change = judged.propose(1)
    assert results(judged, change) == ["fail", "fail"]
    task = ask(judged.loop, "check", {"change": change.id[:16], "only": []})
    assert results(judged, change) == ["pending", "pending"]
    assert judged.do("show", change.id).change.decision.passed is False
    judged.do("cancel", task.id)
    assert results(judged, change) == ["fail", "fail"]


@pytest.mark.parametrize(
    ("verb", "words", "named"),
    [
        ("check", {"change": str(CHAMPION)}, {"eval/all", "eval/slices"}),
        ("check", {"change": str(CHAMPION), "only": ["eval/slices"]}, {"eval/slices"}),
        ("check", {"change": "0" * 16}, set()),
        ("check", {"change": "model/else@champion"}, set()),
        ("check", {}, set()),
        ("promote", {"ref": str(CHAMPION), "to": "1"}, {"eval/all", "eval/slices"}),
        ("promote", {"ref": str(CHAMPION), "to": "2"}, set()),
        ("promote", {"ref": str(CHAMPION), "to": "9"}, set()),
        ("run", {"change": str(CHAMPION)}, set()),
    ],
)
def test_a_task_is_about_what_its_words_mean(judged: World, verb: str, words: dict[str, Any], named: set[str]) -> None:
    """A change by its digits or its ref, a promotion by where it goes; anything else is another's."""
    change = judged.propose(1)
    ask(judged.loop, verb, words)
    assert waiting(judged, change) == named


def test_what_has_answered_since_is_awaited_no_more(judged: World) -> None:
    """While a task goes on, its answers count as they come; an answer from before it was begun is asked for again."""
    change = judged.propose(1)

    def say(result: Result) -> None:
        with judged.loop.ledger.write(PROJECT, judged.loop.actor) as tx:
            tx.verdicts.add(PROJECT, Verdict("eval/all", change.head, result, None, 0))
            tx.say("test", "x")

    say(Result.ERROR)
    assert results(judged, change) == ["error", "error"]
    task = ask(judged.loop, "check", {"change": change.id})
    judged.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    assert waiting(judged, change) == {"eval/all", "eval/slices"}
    assert results(judged, change) == ["pending", "pending"]
    with judged.loop.ledger.telemetry() as tables:
        claimed = tables.tasks.claim("default", "w1", lasting=10_000_000)
    assert claimed is not None
    assert waiting(judged, change) == {"eval/all", "eval/slices"}
    say(Result.PENDING)
    assert waiting(judged, change) == {"eval/all", "eval/slices"}
    say(Result.PASS)
    assert waiting(judged, change) == {"eval/slices"}
    assert results(judged, change) == ["pass", "fail"]
    with judged.loop.ledger.telemetry() as tables:
        tables.tasks.end(task.id, claimed.fence, TaskState.DONE)
    assert waiting(judged, change) == set()


def test_a_file_declares_nothing_in_another_project(world: World) -> None:
    """The checks of the project file at hand speak of its own project alone."""
    world.train(b"one")
    (move,) = world.propose(1).moves
    here = replace(world.loop, checks=CHECKS)
    with world.loop.ledger.read() as tx:
        assert list(declared_for(tx, here, move)) == list(CHECKS)
        assert list(declared_for(tx, replace(here, project=OTHER), move)) == []
