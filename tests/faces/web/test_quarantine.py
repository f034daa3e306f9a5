"""The page of a version in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.name import Numbered

from .posting import Hand
from .story import CHAMPION

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story


def test_it_says_why_and_is_left_by_a_change_that_says_so(fresh: Story, serving: Server) -> None:
    """The reason stands where one would move a ref; only with the box ticked does the ref move there."""
    fresh.month("04", 30, "April")
    for rate in (0.1, 0.2):
        fresh.model(fresh.pipeline(depth=4, rate=rate, data=1))
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first")
    fresh.do("propose", CHAMPION, to=Numbered(2), why="second")
    fresh.do("rollback", CHAMPION, why="wrong units")
    hand, page = Hand(serving), "/p/flights/assets/model/delay@2"
    assert "wrong units" in hand.get(page).text
    assert hand.post(page, do="propose", ref="champion", why="again").status == 403
    assert hand.post(page, do="propose", ref="champion", why="mended", lift="1").status == 303
    assert fresh.do("history", str(CHAMPION))[0].new == 2
    assert "in quarantine" not in hand.get(page).text
