from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import NotFound
from loopline.nouns.change import Change
from loopline.nouns.check import Check
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Policy
from loopline.verbs.driving import Drive
from loopline.verbs.running import execute

from .conftest import PROJECT
from .projects import TINY, TOTAL

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.plan import Ran
    from loopline.nouns.verdict import Verdict
    from loopline.verbs.preparing import Prepared, Way

    from .projects import Project

module = import_module("loopline.verbs.check")
BEST = RefName(TOTAL, "best")
OTHER = RefName(AssetName(PROJECT, "model", "other"), "best")
JUDGE = """
    @step
    def compare(candidate: int, base: int | None, limit: int) -> Evaluation:
        BODY
        assert candidate <= limit, f"{candidate} is more than {limit}"
        delta = None if base is None else float(candidate - base)
        return Evaluation((Estimate("number", float(candidate), base=base, delta=delta),), {"rows": "3"})

    @pipeline
    def judge(candidate: Model, base: Model | None = None, limit: int = 10):
        compare(candidate, base, limit)
"""
SIZE = Check("eval/size", ("model/*@best",), "judge", (("limit", "8"),))
NEEDED = Policy("best", ("model/*@best",), checks=("eval/size",), metrics=("number >= base",))


def write(project: Project, body: str = "pass") -> None:
    """Write the project with a pipeline that judges."""
    text = TINY.replace("import Data,", "import Data, Model,") + JUDGE.replace("BODY", body)
    project.write(
        tiny=text.replace('{"model/total": number}', '{"model/total": number, "model/other": total(read(data), 50)}')
    )


@pytest.fixture
def judged(project: Project) -> Project:
    """Give model/total@1 (6) and @2 (8), and a policy that wants eval/size."""
    write(project)
    project.trained()
    project.trained(params={"plus": "2"})
    project.do("policy", document=dump_document(Document((NEEDED,), (SIZE,))).decode(), why="test")
    return project


def propose(project: Project, number: int = 1, **asked: Any) -> Change:
    """Propose a version."""
    change: Change = project.do("propose", BEST, to=Numbered(number), why="because", **asked)
    return change


def check(project: Project, change: Change, **asked: Any) -> Change:
    """Run the checks in this process."""
    checked: Change = project.do("check", change.id, executor="inline", **asked)
    return checked


def test_a_check_that_ends_well_passes_with_what_it_measured(judged: Project) -> None:
    """The verdict carries the run, the estimates and a line about them; the change may go on."""
    change = check(judged, propose(judged))
    (verdict,) = change.verdicts
    assert (verdict.check, str(verdict.result), verdict.head) == ("eval/size", "pass", change.head)
    assert [(one.metric, one.value, one.base) for one in verdict.estimates] == [("number", 6.0, None)]
    assert "3" in verdict.summary
    (run,) = judged.runs("check")
    assert (run.id, run.tags["change"], run.params["candidate"]) == (verdict.run, change.id, "model/total@1")


def test_the_base_is_what_is_current(judged: Project) -> None:
    """Both are measured: the candidate and the version that the ref stands on."""
    assert judged.do("apply", check(judged, propose(judged)).id).state == "applied"
    (verdict,) = check(judged, propose(judged, 2)).verdicts
    assert [(one.value, one.base) for one in verdict.estimates] == [(8.0, 6.0)]


def test_an_assertion_is_a_no(judged: Project) -> None:
    """AssertionError means fail, and its words are the summary."""
    judged.trained(params={"plus": "3"})
    (verdict,) = check(judged, propose(judged, 3)).verdicts
    assert str(verdict.result) == "fail"
    assert "9 is more than 8" in verdict.summary


@pytest.mark.parametrize("body", ["raise OSError('no network')", "return 3"])
def test_anything_else_is_an_error_and_no_answer(project: Project, body: str) -> None:
    """A check that breaks has said neither yes nor no."""
    write(project, body)
    project.trained()
    project.do("policy", document=dump_document(Document((NEEDED,), (SIZE,))).decode(), why="test")
    change = check(project, propose(project))
    assert [str(verdict.result) for verdict in change.verdicts] == ["error"]
    assert change.state == "proposed"
    assert change.verdicts[0].summary


def test_a_check_that_cannot_begin_is_an_error_with_its_next_step(judged: Project) -> None:
    """A pipeline that is not there, and a model that no run made, are told in the verdict."""
    lost = Document((NEEDED,), (replace(SIZE, pipeline="jugde"),))
    judged.do("policy", document=dump_document(lost).decode(), why="test")
    (verdict,) = check(judged, propose(judged)).verdicts
    assert (str(verdict.result), verdict.run) == ("error", None)
    assert "did you mean judge?" in verdict.summary
    judged.do("put", TOTAL, digest=judged.loop.blobs.put(b"7"))
    (verdict,) = check(judged, propose(judged, 3)).verdicts
    assert "was not made by a run" in verdict.summary


def test_of_several_refs_the_worst_counts(judged: Project) -> None:
    """One check of two models passes only where both do, whichever is asked last."""
    change = propose(judged, also={str(OTHER): "1"})
    assert [str(move.ref) for move in change.moves] == ["model/other@best", "model/total@best"]
    (verdict,) = check(judged, change).verdicts
    assert str(verdict.result) == "fail"
    assert "56 is more than 8" in verdict.summary


def test_only_runs_what_is_named(judged: Project) -> None:
    """A name that no project declares for the refs is told."""
    assert len(check(judged, propose(judged), only=("eval/size",)).verdicts) == 1
    with pytest.raises(NotFound) as caught:
        check(judged, propose(judged, 2), only=("eval/sise",))
    assert caught.value.kind == "no-check"


def test_while_it_runs_a_check_is_waited_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is pending and names the run that will give it."""
    write(project)
    project.trained()
    project.do("policy", document=dump_document(Document((NEEDED,), (SIZE,))).decode(), why="test")
    change = propose(project)
    seen: list[Verdict] = []

    def looking(loop: Loop, prepared: Prepared, way: Way, *, run: str) -> Ran:
        with loop.ledger.read() as tx:
            seen.extend(tx.changes.get(change.id).verdicts)
        return execute(loop, prepared, way, run=run)

    monkeypatch.setattr(module, "execute", looking)
    (verdict,) = check(project, change).verdicts
    assert [(str(one.result), one.run) for one in seen] == [("pending", verdict.run)]
    assert list((project.loop.work / "running").iterdir()) == []


@pytest.mark.parametrize("moment", ["execute", "prepare"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no more threads")])
def test_an_interrupted_check_is_an_error_and_says_how_to_go_on(
    judged: Project, monkeypatch: pytest.MonkeyPatch, moment: str, error: BaseException
) -> None:
    """Ctrl-C or a defect, in a run or before it: nobody waits for any of the checks, and the way on is to check again."""
    more = Document((NEEDED,), (SIZE, replace(SIZE, name="eval/more")))
    judged.do("policy", document=dump_document(more).decode(), why="test")
    change = propose(judged)

    def stopped(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, moment, stopped)
    with pytest.raises(type(error)) as caught:
        check(judged, change)
    assert getattr(caught.value, "__notes__", [])[-1] == f"loopline check {brief(change.id)}"
    found = judged.do("show", change.id).change
    assert [(one.check, str(one.result), one.run) for one in found.verdicts] == [
        ("eval/more", "error", None),
        ("eval/size", "error", None),
    ]
    monkeypatch.undo()
    assert [str(one.result) for one in check(judged, change).verdicts] == ["pass", "pass"]


def test_an_interrupted_judge_is_not_resumed(judged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a check that goes on alone gives no verdict, so nobody is sent there."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Drive, "all", stopped)
    change = propose(judged)
    with pytest.raises(KeyboardInterrupt) as caught:
        check(judged, change)
    assert caught.value.__notes__ == [f"loopline check {brief(change.id)}"]
    (verdict,) = judged.do("show", change.id).change.verdicts
    (run,) = judged.runs("check")
    assert (str(verdict.result), verdict.run, str(run.state)) == ("error", run.id, "cancelled")


def test_without_checks_there_is_no_evidence_to_gather(project: Project) -> None:
    """A change that no check speaks of is refused with the way to declare one; nothing runs."""
    write(project)
    project.trained()
    project.do(
        "policy", document=dump_document(Document((replace(NEEDED, checks=(), metrics=()),), ())).decode(), why="test"
    )
    change = propose(project)
    with pytest.raises(NotFound) as caught:
        check(project, change)
    assert caught.value.kind == "no-check"
    assert project.runs("check") == []


def test_the_project_file_declares_checks_where_no_policy_does(project: Project) -> None:
    """Without a document in force the checks of the project file are run."""
    write(project)
    project.trained()
    project.do("policy", document=dump_document(Document((NEEDED,), ())).decode(), why="test")
    project.loop = replace(project.loop, checks=(SIZE,))
    assert [verdict.check for verdict in check(project, propose(project)).verdicts] == ["eval/size"]


def test_a_function_of_the_project_checks_data_that_no_run_made(project: Project) -> None:
    """Its code is that of `code/PROJECT@main` or else what was run last, and the rows that it gives back are the evidence."""
    rule = """
    from loopline import expectation

    @expectation(frame="duckdb")
    def in_time(flights):
        \"\"\"No delay is negative.\"\"\"
        return flights.filter("delay < 0")
    """
    check = Check("flights/rows", ("data/flights@*",), "in_time")
    needed = Policy("flights", ("data/flights@main",), checks=("flights/rows",))
    project.do("policy", document=dump_document(Document((needed,), (check,))).decode(), why="test")
    published = project.data(july_csv=b"day,delay\n1,3\n2,-1\n")
    assert published.change
    (verdict,) = project.do("check", published.change.id, executor="inline").verdicts
    assert (str(verdict.result), "was not made by a run" in verdict.summary) == ("error", True)
    project.write(tiny=TINY + rule)
    project.trained(params={"data": "data/flights@1"})
    (verdict,) = project.do("check", published.change.id, executor="inline").verdicts
    assert (str(verdict.result), verdict.summary) == (
        "fail",
        "1 of 1 does not hold: No delay is negative: 1 of 2 rows are wrong",
    )
    assert verdict.observations[0].samples[0].cells == {"day": "2", "delay": "-1"}
    good = project.data(july_csv=b"day,delay\n1,3\n").change
    assert good
    assert project.do("check", good.id, executor="inline").state == "approved"
