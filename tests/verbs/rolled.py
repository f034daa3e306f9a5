"""A second version of a service that rolls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.nouns.rolling import Judged, Plan, Step

from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from loopline.nouns.change import Change
    from loopline.nouns.rollout import Rollout

    from .conftest import World

PLAN = Plan("canary", (Step(0.1), Step(0.5)), (Judged("errors", "events", 0.01),))
ROLLING = replace(DECLARED, rollout=PLAN)


def rolling(world: World) -> Change:
    """A second version of the service begins to roll."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=ROLLING)
    train(world, b"better")
    champion(world, 2)
    change: Change = world.do("deploy", PROD, declared=ROLLING)
    return change


def the(world: World) -> Rollout:
    """The one rollout that there is."""
    one: Rollout
    (one,) = world.do("rollouts")
    assert one == world.do("rollouts", one.change)[0] == world.do("rollouts", str(PROD))[0]
    return one
