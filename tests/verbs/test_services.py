from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.nouns.deployment import Deployment
from loopline.verbs.deployed import SILENT

from .conftest import PROJECT
from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from .conftest import World

SAID = Deployment(str(PROD), None, state="ready", serving=1, url="http://127.0.0.1:4100", host="box:1", pids=(7,))


def say(world: World, one: Deployment) -> None:
    """Speak as a host."""
    with world.loop.ledger.telemetry() as tx:
        tx.deployments.say(PROJECT, one)


def test_what_should_be_and_what_is_stand_side_by_side(world: World) -> None:
    """The ref says what should be served, the host what is; a host that has fallen silent is not believed."""
    train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=DECLARED)
    (one,) = world.do("services")
    assert (one.state, one.number, one.serving) == ("waiting", 1, None)
    assert "loopline host" in one.message
    say(world, SAID)
    (one,) = world.do("services")
    assert (one.state, one.number, one.serving, one.url, one.change) == ("ready", 1, 1, SAID.url, change.id)
    world.loop.clock.advance(microseconds=SILENT + 1)  # type: ignore[attr-defined]
    (one,) = world.do("services")
    assert (one.state, one.serving) == ("waiting", None)
    assert "box:1" in one.message


def test_what_still_ends_is_listed_without_a_number(world: World) -> None:
    """A deployment whose ref is gone is shown for as long as its processes are there."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    world.do("undeploy", PROD)
    say(world, replace(SAID, state="stopping"))
    (one,) = world.do("services")
    assert (one.state, one.number) == ("stopping", None)
    say(world, replace(SAID, state="stopped"))
    assert world.do("services") == ()
