"""How changes that roll begin, and which do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound

from .rolled import ROLLING, rolling
from .test_deploy import PROD, champion, train

if TYPE_CHECKING:
    from .conftest import World


def test_what_cannot_be_compared_does_not_begin(world: World) -> None:
    """A version that names units otherwise cannot be judged against the old one; the change stays as it was."""
    rolling(world)
    world.do("abort", str(PROD), why="no")
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=replace(ROLLING, unit=()))
    assert caught.value.kind == "not-comparable"
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).target == 1


def test_what_does_not_roll_is_told(world: World) -> None:
    """A change that moved at once has no rollout, and a deployment where nothing rolls says so."""
    train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=ROLLING)
    with pytest.raises(NotFound):
        world.do("abort", change.id, why="x")
    with pytest.raises(Conflict) as caught:
        world.do("abort", str(PROD), why="x")
    assert caught.value.kind == "rollout-over"
    assert world.do("rollouts") == ()
