from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict

if TYPE_CHECKING:
    from .conftest import Hand

PLACE = ("flights", "service/delay@prod", "features")


def test_of_two_who_look_at_one_window_one_gets_on(hand: Hand) -> None:
    """A look is kept only where the monitor stands where it was found, the first look too."""
    with hand.write() as tx:
        assert tx.monitors.find(*PLACE) is None
        tx.monitors.move(PLACE, old=None, new=10, state="{}")
        tx.monitors.move(PLACE, old=10, new=20, state='{"bad":1}')
        assert tx.monitors.find(*PLACE) == (20, '{"bad":1}')
        for old in (None, 10):
            with pytest.raises(Conflict) as caught:
                tx.monitors.move(PLACE, old=old, new=30, state="{}")
            assert caught.value.kind == "monitor-moved"
        assert tx.monitors.of(*PLACE[:2]) == {"features": (20, '{"bad":1}')}
        assert tx.monitors.of("trains", PLACE[1]) == {}
