"""How far changes that roll have come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.rolling import Rollout, Stage

if TYPE_CHECKING:
    from tests.ledger.conftest import Hand


def rolling(change: str, ref: str = "service/delay@prod") -> Rollout:
    """One that begins."""
    return Rollout(change, "flights", ref, 1, 2, "rolling", "{}")


def test_stages_are_kept_in_their_order(hand: Hand) -> None:
    """A rollout is found again with every weight that was in force, and is over when it says so."""
    with hand.write() as tx:
        one = tx.rollouts.begin(rolling("a"), weight=0.1, clock=5)
        one = tx.rollouts.advance(one, Stage(1, 0.5, 0, 9))
        assert tx.rollouts.get("a") == one
        assert (one.weight, [stage.clock for stage in one.stages]) == (0.5, [5, 9])
        assert tx.rollouts.of("flights", "service/delay@prod") == one
        tx.rollouts.keep(one, replace(one, state="applied", note="done"))
        assert tx.rollouts.of("flights", "service/delay@prod") is None
        assert tx.rollouts.open() == []
        assert [found.note for found in tx.rollouts.list("flights")] == ["done"]
    with hand.write() as tx, pytest.raises(NotFound):
        tx.rollouts.get("b")


def test_of_two_who_bring_it_on_one_is_refused(hand: Hand) -> None:
    """Whoever read before a stage was added, or before it was paused, cannot write."""
    with hand.write() as tx:
        before = tx.rollouts.begin(rolling("a"), weight=0.1, clock=5)
        tx.rollouts.advance(before, Stage(1, 0.5, 0, 9))
    with hand.write() as tx, pytest.raises(Conflict):
        tx.rollouts.keep(before, replace(before, state="stopped"))
    with hand.write() as tx:
        now = tx.rollouts.get("a")
        tx.rollouts.keep(now, replace(now, state="paused"))
    with hand.write() as tx, pytest.raises(Conflict):
        tx.rollouts.keep(now, replace(now, state="stopped"))


def test_one_rolls_on_a_deployment_at_a_time(hand: Hand) -> None:
    """The database refuses a second one on the same ref, and takes it when the first is over."""
    with hand.write() as tx:
        first = tx.rollouts.begin(rolling("a"), weight=0.1, clock=5)
        tx.rollouts.begin(rolling("b", "service/delay@staging"), weight=0.1, clock=5)
    with pytest.raises(Conflict), hand.write() as tx:
        tx.rollouts.begin(rolling("c"), weight=0.1, clock=5)
    with hand.write() as tx:
        tx.rollouts.keep(first, replace(first, state="stopped"))
        tx.rollouts.begin(rolling("c"), weight=0.1, clock=5)
        assert [one.change for one in tx.rollouts.open("flights")] == ["b", "c"]
