from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import NotFound
from loopline.nouns.change import Change
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.policy import Approvals

from .conftest import ANN, BOB
from .test_check import BEST, NEEDED, SIZE, write

if TYPE_CHECKING:
    from .projects import Project


@pytest.fixture
def ready(project: Project) -> Project:
    """Give model/total@1 (6), @2 (8) and @3 (7), and a policy that wants no less than what is current."""
    write(project)
    for plus in ("0", "2", "1"):
        project.trained(params={"plus": plus})
    project.do("policy", document=dump_document(Document((NEEDED,), (SIZE,))).decode(), why="test")
    return project


def promote(project: Project, number: int, **asked: Any) -> Change:
    """Promote a version, with its checks in this process."""
    change: Change = project.do("promote", BEST, to=Numbered(number), why="better", executor="inline", **asked)
    return change


def test_a_good_version_goes_all_the_way(ready: Project) -> None:
    """Proposed, checked and applied in one call, and better than what was there the second time."""
    assert promote(ready, 1).state == "applied"
    change = promote(ready, 2)
    assert (change.state, ready.target(BEST)) == ("applied", 2)
    assert change.decision is not None
    assert change.decision.passed


def test_a_worse_version_stops_at_the_metric(ready: Project) -> None:
    """The requirement that failed is named with what was observed and needed, and the ref stays."""
    promote(ready, 2)
    change = promote(ready, 3)
    assert (change.state, ready.target(BEST)) == ("proposed", 2)
    assert change.decision is not None
    (failed,) = (one for one in change.decision.results if one.result == "fail")
    assert (failed.text, failed.observed) == ("number >= base", "7, base 8")
    assert failed.needed


def test_promoting_again_goes_on_with_the_open_change(ready: Project) -> None:
    """What was checked is not checked again, and there is one change."""
    wants = replace(NEEDED, approvals=Approvals(count=1))
    ready.do("policy", document=dump_document(Document((wants,), (SIZE,))).decode(), why="test")
    first = promote(ready, 1)
    assert (first.state, ready.target(BEST)) == ("proposed", None)
    assert promote(ready, 1).id == first.id
    assert len(ready.runs("check")) == 1
    ready.do("approve", first.id, by=BOB)
    again = promote(ready, 1, by=ANN)
    assert (again.id, again.state, ready.target(BEST)) == (first.id, "applied", 1)


def test_a_check_that_broke_is_asked_again(ready: Project) -> None:
    """An error is no answer: promoting again runs the check again."""
    lost = Document((NEEDED,), (replace(SIZE, pipeline="jugde"),))
    ready.do("policy", document=dump_document(lost).decode(), why="test")
    first = promote(ready, 1)
    assert [str(verdict.result) for verdict in first.verdicts] == ["error"]
    ready.do("policy", document=dump_document(Document((NEEDED,), (SIZE,))).decode(), why="test")
    assert (promote(ready, 1).id, ready.target(BEST)) == (first.id, 1)


def test_promoting_does_not_go_on_with_a_change_that_moves_more(ready: Project) -> None:
    """Another ref that somebody put into an open change does not move along unasked."""
    wants = replace(NEEDED, approvals=Approvals(count=1))
    ready.do("policy", document=dump_document(Document((wants,), (SIZE,))).decode(), why="test")
    other = RefName(BEST.asset, "other")
    wider = ready.do("propose", BEST, to=Numbered(1), why="both", also={str(other): "2"})
    change = promote(ready, 1)
    assert change.id != wider.id
    assert [move.ref for move in change.moves] == [BEST]


def test_where_no_policy_speaks_the_ref_moves_at_once(project: Project) -> None:
    """A ref that nobody guards needs no check."""
    write(project)
    project.trained()
    assert promote(project, 1).state == "applied"
    assert project.runs("check") == []


def test_a_version_that_is_not_there_is_not_promoted(ready: Project) -> None:
    """The error names what is missing, and no change is left behind."""
    with pytest.raises(NotFound) as caught:
        promote(ready, 9)
    assert caught.value.kind == "no-version"
    with ready.loop.ledger.read() as tx:
        assert tx.changes.list("flights", open_only=True, ref=BEST) == []


def test_a_rehearsal_names_the_checks_and_runs_none(ready: Project) -> None:
    """It tells the proposal and which checks would run, and neither a change nor a run is there afterwards."""
    runs = len(ready.do("find", "runs", steps=True, limit=1000))
    change = promote(ready.rehearsing(), 1)
    assert [(one.check, one.result) for one in change.verdicts] == [(SIZE.name, "pending")]
    assert change.state == "proposed"
    assert BEST not in {move.ref for one in ready.do("find", "changes", limit=1000) for move in one.moves}
    assert len(ready.do("find", "runs", steps=True, limit=1000)) == runs


def test_a_rehearsal_goes_as_far_as_nothing_has_to_run(ready: Project) -> None:
    """With evidence that is there, or where no check speaks of the ref, it tells what applying would say."""
    wants = replace(NEEDED, approvals=Approvals(count=1))
    ready.do("policy", document=dump_document(Document((wants,), (SIZE,))).decode(), why="test")
    waiting = promote(ready, 2)
    assert [one.result for one in promote(ready.rehearsing(), 2).verdicts] == ["pass"]
    ready.do("approve", waiting.id, by=BOB)
    assert promote(ready.rehearsing(), 2).state == "applied"
    free = RefName(BEST.asset, "free")
    assert ready.rehearsing().do("promote", free, to=Numbered(1), why="nobody guards it").state == "applied"
    assert (ready.target(BEST), ready.target(free)) == (None, None)
