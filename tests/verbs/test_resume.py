"""Rollouts that go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound

from .rolled import rolling, the
from .test_deploy import PROD

if TYPE_CHECKING:
    from .conftest import World


def test_only_what_is_paused_goes_on(world: World) -> None:
    """It goes on with the reason that was given; what was not paused, and what does not roll, is told so."""
    change = rolling(world)
    with pytest.raises(Conflict) as caught:
        world.do("resume", str(PROD))
    assert caught.value.kind == "rollout-not-paused"
    world.do("pause", change.id)
    assert world.do("resume", str(PROD), why="the storm is over").progress.reason == "the storm is over"
    assert the(world).progress.state == "waiting"  # it had not begun
    with pytest.raises(NotFound):
        world.do("resume", "service/other@prod")
