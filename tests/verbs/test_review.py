from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import NotFound
from loopline.nouns.caller import Caller
from loopline.nouns.check import Check
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.token import Scope
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs import load
from loopline.verbs.asking import ask

from .conftest import ANN, BOB, CHAMPION, DATA, MODEL, PROJECT
from .test_issue import give, over_the_wire

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.nouns.change import Change

    from .conftest import World


def test_a_review_holds_what_differs(guarded: World) -> None:
    """The model against the current one, the data that both trainings read, what checks measured."""
    first = guarded.propose(1)
    guarded.do("approve", first.id, by=BOB)
    guarded.do("apply", first.id)
    guarded.data(b_csv=b"2")
    guarded.train(b"three", data=2, auc=0.9)
    change = guarded.propose(3)
    estimate = Estimate("auc", 0.9, base=0.7)
    with guarded.loop.ledger.write(PROJECT, guarded.loop.actor) as tx:
        tx.verdicts.add(PROJECT, Verdict("eval", change.head, Result.PASS, None, 0, estimates=(estimate,)))
        tx.say("test", "x")
    page = guarded.do("review", change.id)
    (model,) = page.comparisons
    assert (str(model.old), str(model.new)) == ("model/delay@1", "model/delay@3")
    assert [(m.name, m.old, m.new) for m in model.metrics] == [("auc", 0.7, 0.9)]
    (data,) = page.data
    assert [(one.path, one.word) for one in data.files] == [("a.csv", "removed"), ("b.csv", "added")]
    assert page.estimates == (estimate,)
    assert page.notes == ()


def test_what_moves_itself_is_compared_once(world: World) -> None:
    """Data that move together with a model that was made from them are in its moves, and not beside them a second time."""
    best, staging = RefName(MODEL, "best"), RefName(DATA, "best")
    world.train(b"one")
    world.do("propose", best, to=Numbered(1), why="first", together=True)
    world.data(b_csv=b"2")
    world.train(b"two", data=2)
    world.policy(Policy("best", ("*@best",), approvals=Approvals(1)))
    together = world.do("propose", best, to=Numbered(2), why="more", together=True)
    assert {move.ref for move in together.moves} >= {best, staging}
    page = world.do("review", together.id, rows=True)
    assert [str(one.new) for one in page.comparisons] == ["data/flights@2", "model/delay@2"]
    assert page.data == ()
    alone = world.do("propose", best, to=Numbered(2), why="more")
    assert [str(one.new) for one in world.do("review", alone.id).data] == ["data/flights@2"]


def test_what_cannot_be_compared_is_noted(guarded: World) -> None:
    """A ref that is new, that no check is declared (and none to be run), a ref that would go."""
    page = guarded.do("review", guarded.propose(1).id)
    assert len(page.notes) == 2
    assert not [note for note in page.notes if "loopline check" in note]
    gone = guarded.do("propose", RefName(DATA, "main"), delete=True, why="no more")
    assert [note for note in guarded.do("review", gone.id).notes if "deleted" in note]


def test_a_change_that_is_over_asks_for_no_check(guarded: World) -> None:
    """The review of a withdrawn change does not send anybody to check it."""
    change = guarded.propose(1)
    guarded.do("withdraw", change.id)
    assert not [note for note in guarded.do("review", change.id).notes if "check" in note]


def test_another_project_reviews_nothing(guarded: World) -> None:
    """A change of another project is as if it were not there."""
    change = guarded.propose(1)
    for name in (change.id, str(CHAMPION)):
        with pytest.raises(NotFound):
            guarded.abroad().do("review", name)


def test_a_review_judges_as_of_now(guarded: World) -> None:
    """The policy is judged for the page, whose yes would count is said, and what is over stays as it was decided."""
    change = guarded.propose(1)
    seq = guarded.events()[-1].seq
    (need,) = guarded.do("review", change.id, by=BOB).requirements
    assert (need.result, guarded.do("review", change.id, by=BOB).mine) == (Result.PENDING, True)
    assert not guarded.do("review", change.id).mine
    assert guarded.events(seq) == []
    guarded.do("approve", change.id, by=BOB)
    page = guarded.do("review", change.id, by=BOB)
    assert ([one.result for one in page.requirements], page.mine) == ([Result.PASS], False)
    guarded.do("apply", change.id)
    done = guarded.do("review", change.id)
    assert done.requirements == done.change.decision.results


def test_an_answer_to_other_evidence_no_longer_counts(guarded: World) -> None:
    """New evidence makes a yes stale in the review and in what shows it, as the policy reads it; a withdrawal changes nothing."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    (before,) = guarded.do("review", change.id).change.approvals
    _measure(guarded, change, 0.9)
    page = guarded.do("review", change.id)
    ((answer,), (need,)) = page.change.approvals, page.requirements
    assert (before.stale, answer.stale, need.result) == (False, True, Result.PENDING)
    assert guarded.do("show", change.id).change.approvals == (answer,)
    guarded.do("withdraw", change.id)
    assert guarded.do("review", change.id).change.approvals == (answer,)


def test_later_evidence_leaves_what_is_over_as_it_was(guarded: World) -> None:
    """A yes that let a change through is not called stale because the same move was measured again afterwards."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", change.id)
    guarded.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    _measure(guarded, change, 0.9)
    assert not guarded.do("review", change.id).change.approvals[0].stale


def test_what_a_check_will_bring_is_pending(guarded: World) -> None:
    """While a check waits in the queue, what it will say is pending; where nobody asked for it, it fails."""
    judged = Policy("judged", ("model/*@champion",), checks=("eval", "fair"), metrics=("auc >= 0.5",))
    checks = (Check("eval", ("model/*@champion",), "eval"), Check("fair", ("model/*@champion",), "fair"))
    guarded.do("policy", document=dump_document(Document((judged,), checks)).decode(), why="measured")
    change = guarded.propose(1)
    assert [one.result for one in guarded.do("review", change.id).requirements] == [Result.FAIL] * 3
    ask(guarded.loop, "check", {"change": change.id, "only": ["eval"]})
    assert [str(one.result) for one in guarded.do("review", change.id).requirements] == ["pending", "fail", "pending"]
    ask(guarded.loop, "check", {"change": str(CHAMPION)})
    assert [one.result for one in guarded.do("review", change.id).requirements] == [Result.PENDING] * 3


def _measure(world: World, change: Change, value: float) -> None:
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        said = Verdict("eval", change.head, Result.PASS, None, tx.now, "", (Estimate("auc", value),))
        tx.verdicts.add(PROJECT, said)
        tx.say("test", "x")


def made_otherwise(world: World) -> Change:
    """Propose a model that was made of other data, and measured otherwise, than the one that is current."""
    first = world.propose(1)
    world.do("approve", first.id, by=BOB)
    world.do("apply", first.id)
    world.data(b_csv=b"2")
    world.train(b"three", data=2, auc=0.9)
    return world.propose(3)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("verb", "scopes"),
    [("review", ("review,approve:flights",)), ("show", ("show:flights",)), ("show", ("read:flights",))],
)
def test_a_reviewer_sees_with_the_verb_that_they_asked(guarded: World, verb: str, scopes: tuple[str, ...]) -> None:
    """A token for nothing but reviews, or nothing but `show`, is told what differs, as a wider one is."""
    change = made_otherwise(guarded)
    give(guarded, BOB, "approver")
    found = load(verb)(over_the_wire(guarded, BOB, *scopes), change.id)
    (model,) = found.comparisons
    assert [(one.name, one.old, one.new) for one in model.metrics] == [("auc", 0.7, 0.9)]
    assert [one.name for one in model.data] == ["data/flights"]
    assert [str(one.new) for one in found.data] == ["data/flights@2"]
    assert not [note for note in found.notes if "left out" in note]


def test_what_a_token_does_not_cover_is_noted(guarded: World) -> None:
    """Kept to the model, a reviewer is told nothing of its run, and that something is missing."""
    change = made_otherwise(guarded)
    give(guarded, BOB, "approver")
    found = load("review")(over_the_wire(guarded, BOB, "review:flights:model/*"), change.id)
    (model,) = found.comparisons
    assert (model.metrics, model.data, found.data) == ((), (), ())
    assert [note for note in found.notes if "model/delay@3" in note and "left out" in note]


def test_incidents_that_a_change_caused_or_fixed_are_on_its_page(world: World) -> None:
    """Unless they are about something that whoever asks may not see."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    change = world.propose(2)
    made = world.do("incident", "late", caused_by=change.id)
    assert world.do("review", change.id).incidents == (made,)
    wider = world.do("propose", RefName(DATA, "live"), to=Numbered(1), why="x")
    world.do("blame", made.id, wider.id, why="it was both")
    caller = Caller(ANN, {PROJECT: "viewer"}, (Scope(("read",), PROJECT, "model/*"),))
    narrowed = replace(world.loop, caller=caller)
    assert load("review")(narrowed, change.id).incidents == ()
    assert [one.id for one in world.do("review", change.id).incidents] == [made.id]


def test_what_a_deleted_version_holds_is_shown_to_nobody(world: World, tmp_path: Path) -> None:
    """The page of an old change tells that a version was deleted, and neither its cells nor that its bytes cannot be found."""
    world.loop = replace(world.loop, work=tmp_path / "work")
    world.data(t_csv=b"id,x\n1,secret\n2,2\n")
    change = world.data(t_csv=b"id,x\n1,1\n2,3\n").change
    assert change is not None
    shown = world.do("review", change.id, rows=True, lines=True)
    assert (shown.comparisons[0].rows[0].changed, shown.notes) == (2, ())
    world.do("delete", "data/flights@2")
    for _ in range(2):
        (comparison,) = (found := world.do("review", change.id, rows=True, lines=True)).comparisons
        assert (comparison.files, comparison.rows, comparison.patches) == ((), (), ())
        assert "data/flights@2 was deleted" in found.notes[0]
        world.loop.blobs.delete(comparison.old.artifact.digest)
