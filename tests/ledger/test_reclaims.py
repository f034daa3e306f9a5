"""How far reclaims are."""

from __future__ import annotations

from loopline.ledger.reclaims import State

from .conftest import Hand


def test_a_reclaim_has_a_number_and_goes_from_state_to_state(hand: Hand) -> None:
    """Numbers and epochs only grow; what is not said again stays as it was."""
    with hand.ledger.telemetry() as tables:
        first = tables.reclaims.open("ann's machine")
        tables.reclaims.move(first.number, State.LISTED, objects=7, size=70)
        second = tables.reclaims.open("ann's machine")
        tables.reclaims.move(first.number, State.MOVING)
        tables.reclaims.close(first.number)
        listed = tables.reclaims.list()
        assert [(one.number, one.opened, one.closed, one.state) for one in listed] == [
            (2, 2, None, State.MARKING),
            (1, 1, 3, State.TRASHED),
        ]
        assert (listed[1].objects, listed[1].bytes) == (7, 70)
        assert tables.reclaims.list(State.TRASHED, State.MOVING) == [listed[1]]
        assert tables.reclaims.open("").opened == 4
        assert second.at >= first.at
