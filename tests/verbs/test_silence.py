from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid

from .test_alerts import opened

if TYPE_CHECKING:
    from .conftest import World


def test_a_silence_keeps_alerts_from_people_until_it_ends(world: World) -> None:
    """What comes is marked as long as the silence holds; `lasting` of nothing ends it at once."""
    made = world.do("silence", "service/delay@prod/*", why="known", lasting=timedelta(hours=1))
    assert made.until == made.created_at + 3_600_000_000
    assert world.events()[-1].kind == "silence.created"
    assert opened(world, "service/delay@prod", "features").silenced
    assert not opened(world, "service/other@prod", "features").silenced
    world.do("silence", "service/delay@prod/*", why="over", lasting=timedelta(0))
    assert world.events()[-1].kind == "silence.ended"
    assert not opened(world, "service/delay@prod", "latency").silenced


def test_a_silence_ends_by_itself(world: World) -> None:
    """After its time alerts are told of again."""
    world.do("silence", "*", why="known", lasting=timedelta(seconds=30))
    world.loop.clock.advance(seconds=31)  # type: ignore[attr-defined]
    assert not opened(world, "service/delay@prod", "features").silenced


@pytest.mark.parametrize(("match", "lasting"), [("", 1), (" ", 1), ("x" * 501, 1), ("*", -1), ("*", 91 * 86_400)])
def test_what_is_no_silence_is_refused(world: World, match: str, lasting: int) -> None:
    """No glob, a negative time, and one that nobody remembers the reason of."""
    with pytest.raises(Invalid):
        world.do("silence", match, why="?", lasting=timedelta(seconds=lasting))
