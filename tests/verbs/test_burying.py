from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.checks.document import Document, dump_document
from loopline.nouns.change import Change
from loopline.nouns.ids import brief
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.policy import Policy
from loopline.nouns.run import Run
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs.asking import ask
from loopline.verbs.burying import FENCE, attended, bury

from .conftest import PROJECT
from .projects import TOTAL

if TYPE_CHECKING:
    from .projects import Project


def begin(project: Project) -> tuple[str, str]:
    """Write down a pipeline and a step that run."""
    run = project.do("start", "train", kind="pipeline", code=project.code)
    return run.id, project.do("start", "read", kind="step", parent=run.id).id


def written(project: Project, tags: dict[str, str]) -> str:
    """Write down a run that goes on, with tags as a worker's ledger writes them."""
    run = Run(project.loop.ids.new(), "flights", "train", kind="pipeline", tags=tags)
    with project.loop.ledger.write("flights", project.loop.actor) as tx:
        tx.runs.start(run)
        tx.say("test", run.id)
    return run.id


def state(project: Project, run: str) -> str:
    """Read the state of a run."""
    with project.loop.ledger.read() as tx:
        return str(tx.runs.get(run).state)


def leave(project: Project, run: str) -> None:
    """Leave what a killed process leaves."""
    folder = project.loop.work / "running"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run}.lock").touch()


def test_a_run_whose_process_is_gone_is_crashed(project: Project) -> None:
    """The run and the step that it left are marked, once, and what is said is part of the feed."""
    run, step = begin(project)
    leave(project, run)
    assert bury(project.loop) == (run,)
    assert (state(project, run), state(project, step)) == ("crashed", "crashed")
    assert bury(project.loop) == ()
    with project.loop.ledger.read() as tx:
        assert tx.feed.verify("flights") is None


def test_a_run_at_work_is_left_alone(project: Project) -> None:
    """Whoever is at work is not buried, however long it takes."""
    run, _ = begin(project)
    with attended(project.loop, run):
        assert bury(project.loop) == ()
    assert state(project, run) == "running"


def test_finished_steps_of_a_dead_run_stay_finished(project: Project) -> None:
    """What was acknowledged before the process died is not taken back: the cache has it."""
    run, step = begin(project)
    project.do("finish", step)
    leave(project, run)
    bury(project.loop)
    assert (state(project, run), state(project, step)) == ("crashed", "finished")


def test_the_run_of_another_ledger_is_not_ours(project: Project) -> None:
    """Ledgers may share a folder for caches: what this one does not know stays for its own."""
    leave(project, "f" * 32)
    assert bury(project.loop) == ()
    assert (project.loop.work / "running" / f"{'f' * 32}.lock").exists()


def pending(project: Project, run: str) -> Change:
    """Propose a model under a policy that wants a check, which waits for a run."""
    project.trained()
    policy = Policy("best", ("model/*@best",), checks=("eval/size",))
    project.do("policy", document=dump_document(Document((policy,), ())).decode(), why="test")
    change: Change = project.do("propose", RefName(TOTAL, "best"), to=Numbered(1), why="because")
    with project.loop.ledger.write(PROJECT, project.loop.actor) as tx:
        tx.verdicts.add(PROJECT, Verdict("eval/size", change.head, Result.PENDING, run, 0))
        tx.say("test", "x")
    return change


def verdict(project: Project, change: Change) -> Verdict:
    """Read what the check says."""
    (found,) = project.do("show", change.id).change.verdicts
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("begun", [True, False])
def test_a_check_whose_process_is_gone_has_not_answered(project: Project, *, begun: bool) -> None:
    """Killed in its run or before that began, it is an error with its next step, and nobody waits for it any more."""
    run = project.do("start", "judge", kind="check").id if begun else project.loop.ids.new()
    change = pending(project, run)
    bury(project.loop)
    assert verdict(project, change).result is Result.PENDING, "nobody was killed yet"
    leave(project, run)
    bury(replace(project.loop, ledger=project.rehearsing().loop.ledger))
    assert verdict(project, change).result is Result.PENDING, "a rehearsal leaves it to the next"
    assert bury(project.loop) == ((run,) if begun else ())
    found = verdict(project, change)
    assert (found.result, found.run) == (Result.ERROR, run if begun else None)
    assert f"loopline check {brief(change.id)}" in found.summary
    (need,) = project.do("show", change.id).requirements
    assert need.result is Result.ERROR
    assert not (project.loop.work / "running" / f"{run}.lock").exists()


def test_each_change_is_told_that_a_check_has_not_answered(project: Project) -> None:
    """Changes that would do just the same wait for the same check: the feed tells of each, and each is judged again."""
    run = project.loop.ids.new()
    first = pending(project, run)
    second: Change = project.do("propose", RefName(TOTAL, "best"), to=Numbered(1), why="another reason")
    assert second.head == first.head
    leave(project, run)
    bury(project.loop)
    with project.loop.ledger.read() as tx:
        told = [one for one in tx.feed.iter(PROJECT) if one.kind == "check.answered"]
        assert {one.subject for one in told} == {first.id, second.id}
        assert [one.payload["check"] for one in told if one.payload] == ["eval/size"] * 2
        assert tx.feed.verify(PROJECT) is None
    for change in (first, second):
        assert project.do("show", change.id).change.decision.results[0].result is Result.ERROR


def test_an_answer_that_was_given_stays(project: Project) -> None:
    """A check whose process died after it had answered has answered."""
    run = project.do("start", "judge", kind="check").id
    change = pending(project, run)
    with project.loop.ledger.write(PROJECT, project.loop.actor) as tx:
        tx.verdicts.add(PROJECT, Verdict("eval/size", change.head, Result.PASS, run, 0))
        tx.say("test", "x")
    leave(project, run)
    bury(project.loop)
    assert verdict(project, change).result is Result.PASS


def test_the_next_run_buries(project: Project) -> None:
    """Nobody has to ask for it: any run on this machine finds the dead ones."""
    run, _ = begin(project)
    leave(project, run)
    project.trained()
    assert state(project, run) == "crashed"


def test_what_a_worker_elsewhere_left_is_told_by_its_lease(project: Project) -> None:
    """A task's run lives as long as the lease of that very taking; then it and its steps are crashed, without any lock here."""
    loop = project.loop
    task = ask(loop, "run", {})
    with loop.ledger.telemetry() as tables:
        claimed = tables.tasks.claim("default", "elsewhere", lasting=10_000_000)
    assert claimed is not None
    tags = {"task": task.id, FENCE: str(claimed.fence)}
    run = written(project, tags)
    step = project.do("start", "read", kind="step", parent=run).id
    stranger = written(project, {"task": "my own word"})
    assert bury(loop) == ()
    with loop.ledger.telemetry() as tables:
        tables.tasks.give_back(task.id, claimed.fence)
        again = tables.tasks.claim("default", "elsewhere", lasting=10_000_000)
    assert again is not None
    assert bury(loop) == (run,)
    assert [state(project, one) for one in (run, step, stranger)] == ["crashed", "crashed", "running"]


@pytest.mark.parametrize("fence", ["9" * 5000, "9" * 19, "²", "-1", "x", ""])
def test_a_fence_that_is_no_number_is_that_of_a_dead_run(project: Project, fence: str) -> None:
    """Whatever stands in the tag, burying goes on: no taking of a task has such a fence."""
    run = written(project, {"task": "x", FENCE: fence})
    assert bury(project.loop) == (run,)
