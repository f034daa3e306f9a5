from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.changes import NEXT
from loopline.nouns.change import Approval, ChangeState, Decision, Move, Override
from loopline.nouns.digest import digest_of
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.verdict import Requirement, Result, Verdict

if TYPE_CHECKING:
    from .conftest import Hand

CHAMPION = RefName(AssetName("flights", "model", "delay"), "champion")
DATA = RefName(AssetName("flights", "data", "flights"), "champion")


def test_a_change_comes_back_whole(hand: Hand) -> None:
    """Moves in order, answers, verdicts on its head, override and the newest decision are all there."""
    hand.publish(b"1")
    with hand.write() as tx:
        change = tx.changes.propose(hand.change(Move(CHAMPION, None, 1), Move(DATA, None, 1)))
        estimate = Estimate("auc", 0.7, 0.6, 0.8, 100, base=0.6, delta=0.1, delta_low=0.0, delta_high=0.2)
        tx.verdicts.add("flights", Verdict("eval", change.head, Result.PASS, "r", 0, "fine", (estimate,)))
        tx.changes.approve(
            change, Approval("person:bob", "approve", change.head, digest_of(b"e"), verified=False, at=0, comment="ok")
        )
        tx.changes.override(change, Override("person:sre", "fire", 99, 0, change.head))
        told = Requirement("p", "auc >= 0.5", Result.PASS, "0.7", "0.5")
        for passed in (False, True):
            tx.changes.decide(change, Decision(0, "person:ann", "apply", None, digest_of(b"i"), passed, (told,)))
        found = tx.changes.get(change.id)
        assert [d.passed for d in tx.changes.decisions(change.id)] == [False, True]
    assert [str(m.ref) for m in found.moves] == ["data/flights@champion", "model/delay@champion"]
    assert found.verdicts[0].estimates == (estimate,)
    assert (found.approvals[0].actor, found.approvals[0].stale) == ("person:bob", False)
    assert found.override is not None
    assert found.override.reason == "fire"
    assert found.decision is not None
    assert found.decision.results == (told,)


def test_an_answer_is_replaced_by_the_same_actors_newer_one(hand: Hand) -> None:
    """Somebody who said yes may say no; only that counts."""
    with hand.write() as tx:
        change = tx.changes.propose(hand.change(Move(CHAMPION, None, 1)))
        yes = Approval("person:bob", "approve", change.head, digest_of(b"e"), verified=False, at=0)
        tx.changes.approve(change, yes)
        tx.changes.approve(change, replace(yes, answer="reject"))
        assert [a.answer for a in tx.changes.get(change.id).approvals] == ["reject"]


@pytest.mark.parametrize("start", list(ChangeState))
def test_states_follow_each_other_as_the_table_says(hand: Hand, start: ChangeState) -> None:
    """A change moves along the arrows and along nothing else."""
    for goal in ChangeState:
        with hand.write() as tx:
            change = tx.changes.propose(replace(hand.change(Move(CHAMPION, None, 1)), state=start))
            if goal in NEXT[start]:
                assert tx.changes.move(change, goal).state is goal
            else:
                with pytest.raises(Conflict):
                    tx.changes.move(change, goal)
                    pytest.fail(f"{start} became {goal}")


def test_impossible_changes_are_refused(hand: Hand) -> None:
    """No moves, one ref twice, and a move to where the ref is are no changes."""
    moves: list[tuple[Move, ...]] = [
        (), (Move(CHAMPION, None, 1), Move(CHAMPION, None, 2)), (Move(CHAMPION, 1, 1),), (Move(CHAMPION, None, None),)
    ]  # fmt: skip
    for wrong in moves:
        with hand.write() as tx, pytest.raises(Invalid):
            tx.changes.propose(hand.change(*wrong))


def test_history_tells_applied_moves_only(hand: Hand) -> None:
    """Proposals are not history; what happened is told newest first, and goes on before a number."""
    hand.publish(b"1", b"2")
    hand.move(1)
    hand.move(2)
    with hand.write() as tx:
        tx.changes.propose(hand.change(Move(CHAMPION, 2, 1)))
        told = tx.changes.history(CHAMPION)
        assert [(m.old, m.new) for m in told] == [(1, 2), (None, 1)]
        assert [(m.old, m.new) for m in tx.changes.history(CHAMPION, before=told[0].seq)] == [(None, 1)]


def test_what_moved_beside_a_ref_is_told_whole(hand: Hand) -> None:
    """Every applied change that moved the ref behind an event comes with all of its moves, newest first; others do not."""
    hand.publish(b"1", b"2")
    hand.publish(b"x", asset=DATA.asset)
    hand.move(1)
    with hand.write() as tx:
        first = tx.changes.history(CHAMPION)[0].seq
        both = tx.changes.propose(hand.change(Move(CHAMPION, 1, 2), Move(DATA, None, 1)))
        tx.changes.move(both, ChangeState.APPLIED, seq=first + 1)
        tx.changes.propose(hand.change(Move(CHAMPION, 2, 1)))
        told = tx.changes.beside(CHAMPION, after=first)
        assert sorted((str(m.ref), m.old, m.new) for m in told) == [(str(DATA), None, 1), (str(CHAMPION), 1, 2)]
        assert {m.change for m in told} == {both.id}
        assert [m.change for m in tx.changes.beside(DATA, after=0)] == [both.id, both.id]
        assert len(tx.changes.beside(CHAMPION, after=0)) == 3
        assert tx.changes.beside(DATA, after=first + 1) == []


def test_changes_are_listed_and_found(hand: Hand) -> None:
    """Open ones, those of a ref, by their first digits; what rolls is known."""
    with hand.write() as tx:
        one = tx.changes.propose(hand.change(Move(CHAMPION, None, 1)))
        two = tx.changes.propose(hand.change(Move(DATA, None, 1)))
        tx.changes.move(two, ChangeState.ROLLING)
        assert tx.changes.rolling(DATA) == two.id
        assert tx.changes.rolling(CHAMPION) is None
        tx.changes.move(one, ChangeState.WITHDRAWN)
        assert [c.id for c in tx.changes.list("flights", open_only=True)] == [two.id]
        assert [c.id for c in tx.changes.list("flights", ref=CHAMPION)] == [one.id]
        assert tx.changes.resolve("flights", two.id).id == two.id
        with pytest.raises(Conflict):
            tx.changes.resolve("flights", one.id[:6])
        with pytest.raises(NotFound):
            tx.changes.resolve("flights", "ffff")
        with pytest.raises(Conflict):
            tx.changes.approve(
                tx.changes.get(one.id), Approval("a", "approve", one.head, one.head, verified=False, at=0)
            )


def test_reasons_are_those_of_the_project(hand: Hand) -> None:
    """Whole ids give reasons; of nobody, of another project, and of no ids at all there are none."""
    hand.publish(b"1")
    change = hand.move(1)
    with hand.read() as tx:
        assert tx.changes.reasons(change.project, [change.id, "0" * 32]) == {change.id: "because"}
        assert tx.changes.reasons("other", [change.id]) == tx.changes.reasons(change.project, []) == {}


def test_open_changes_are_found_by_their_head(hand: Hand) -> None:
    """Each that would do just this and is not over, newest first, up to a number; of another project none."""
    hand.publish(b"1")
    with hand.write() as tx:
        moves = Move(CHAMPION, None, 1)
        first, second, over = (tx.changes.propose(hand.change(moves)) for _ in range(3))
        tx.changes.propose(hand.change(Move(DATA, None, 1)))
        tx.changes.move(over, ChangeState.WITHDRAWN)
        assert [one.id for one in tx.changes.open_with("flights", first.head)] == [second.id, first.id]
        assert [one.id for one in tx.changes.open_with("flights", first.head, limit=1)] == [second.id]
        assert tx.changes.open_with("other", first.head) == []
