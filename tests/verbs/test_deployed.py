from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.deployment import Deployment
from loopline.verbs.deployed import deployment

from .conftest import PROJECT
from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from .conftest import World


def test_what_was_stopped_and_is_wanted_again_waits(world: World) -> None:
    """A word from before a deployment is no word about it."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    with world.loop.ledger.telemetry() as tx:
        tx.deployments.say(PROJECT, Deployment(str(PROD), None, state="stopped", serving=9, pids=(3,)))
    with world.loop.ledger.read() as tx:
        found = deployment(tx, world.loop, tx.refs.get(PROD))
    assert (found.state, found.serving, found.pids) == ("waiting", None, ())
