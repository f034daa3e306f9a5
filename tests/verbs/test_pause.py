"""Rollouts that are held where they are, and let on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict

from .conftest import BOB
from .rolled import rolling
from .test_deploy import PROD

if TYPE_CHECKING:
    from .conftest import World


def test_it_is_held_and_let_on(world: World) -> None:
    """A rollout is paused once and resumed once, by its deployment or by its change, and each is an event."""
    change = rolling(world)
    assert world.do("pause", str(PROD), why="storm").progress.reason == "storm"
    with pytest.raises(Conflict) as caught:
        world.do("pause", change.id)
    assert caught.value.kind == "rollout-paused"
    assert world.do("resume", change.id, by=BOB).progress.state == "waiting"  # it had not begun
    with pytest.raises(Conflict) as caught:
        world.do("resume", change.id)
    assert caught.value.kind == "rollout-not-paused"
    assert [one.kind for one in world.events()[-2:]] == ["rollout.paused", "rollout.resumed"]
