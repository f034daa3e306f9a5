"""How far changes that roll have come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.rolling import Compared, Judged, Judgement, Plan, Rolling, Step, Weighting
from loopline.nouns.rollout import Rollout

if TYPE_CHECKING:
    from .conftest import Hand

PLAN = Plan("canary", (Step(0.1), Step(0.5)), (Judged("errors", "events", 0.01),))
FOUND = Compared(
    "errors", "events", "undecided", "few", 0.5, None, 0.1, -0.1, 0.2, 0.01, 1.5, 3.0, (5, 6), (0, 0), ((1, 0.5),)
)


def rolling(change: str, ref: str = "service/delay@prod") -> Rollout:
    """One that begins."""
    return Rollout(change, "flights", ref, 1, 2, PLAN)


def at(one: Rollout, weight: float, judged: Judgement | None = None) -> Rollout:
    """The same at another weight."""
    step = len(one.weights)
    weights = (*one.weights, Weighting(step, weight, step))
    return replace(one, progress=Rolling("rolling", step, weight), weights=weights, judged=judged or one.judged)


def test_all_of_it_is_found_again(hand: Hand) -> None:
    """Plan, weights and the newest judgement are kept to the last digit."""
    with hand.write() as tx:
        first = tx.rollouts.begin(rolling("a"))
        second = tx.rollouts.keep(first, at(first, 0.1, judged=Judgement("undecided", 0, "few", (FOUND,), (5, 6))))
        third = tx.rollouts.keep(second, at(second, 1 / 3))
        assert tx.rollouts.get("a") == third == tx.rollouts.of("flights", "service/delay@prod")
        assert [one.weight for one in third.weights] == [0.1, 1 / 3]
        tx.rollouts.keep(third, replace(third, progress=replace(third.progress, state="finished", reason="done")))
        assert tx.rollouts.of("flights", "service/delay@prod") is None
        assert tx.rollouts.open() == []
        assert [found.progress.reason for found in tx.rollouts.list("flights")] == ["done"]
    with hand.write() as tx, pytest.raises(NotFound):
        tx.rollouts.get("b")


def test_of_two_who_bring_it_on_one_is_refused(hand: Hand) -> None:
    """Whoever read it before it moved on, or before it was over, cannot write."""
    with hand.write() as tx:
        before = tx.rollouts.begin(rolling("a"))
        now = tx.rollouts.keep(before, at(before, 0.1))
    with hand.write() as tx, pytest.raises(Conflict) as caught:
        tx.rollouts.keep(before, at(before, 0.5))
    assert caught.value.kind == "rollout-moved"
    with hand.write() as tx:
        over = tx.rollouts.keep(now, replace(now, progress=replace(now.progress, state="stopped")))
    with hand.write() as tx, pytest.raises(Conflict):
        tx.rollouts.keep(over, now)


def test_one_rolls_on_a_deployment_at_a_time(hand: Hand) -> None:
    """The database refuses a second one on the same ref, and takes it when the first is over."""
    with hand.write() as tx:
        first = tx.rollouts.begin(rolling("a"))
        tx.rollouts.begin(rolling("b", "service/delay@staging"))
    with pytest.raises(Conflict), hand.write() as tx:
        tx.rollouts.begin(rolling("c"))
    with hand.write() as tx:
        tx.rollouts.keep(first, replace(first, progress=Rolling("stopped")))
        tx.rollouts.begin(rolling("c"))
        assert [one.change for one in tx.rollouts.open("flights")] == ["b", "c"]
