from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.errors import Invalid, NotFound
from loopline.verbs.watching import watch

from .conftest import CHAMPION
from .records import HOUR, PROD, Records, deploy
from .test_watching import ERRORS, FEATURES

if TYPE_CHECKING:
    from .conftest import World


def test_each_monitor_tells_how_it_stands(world: World) -> None:
    """Firing with its alert, or waiting because it never looked; with the change in force, and whether it is silenced."""
    deploy(world, FEATURES, ERRORS)
    assert [(one.monitor.name, one.stand) for one in world.do("monitors")] == [
        ("features", "waiting"),
        ("errors", "waiting"),
    ]
    now = world.loop.clock.now() // HOUR * HOUR
    Records(world).ask(now - 1, requests=10, errors=5)
    watch(world.loop)
    world.do("silence", "service/*/errors", why="known")
    first, second = world.do("monitors", PROD)
    (alert,) = world.do("alerts", open=True)
    assert (first.monitor, first.stand, first.alert, first.looked_at) == (ERRORS, "firing", alert, now)
    assert (first.watch.last.summary, first.silence.why) == ("errors 50.00%, at most 10.00%", "known")
    with world.loop.ledger.read() as tx:
        assert (first.change, first.since) == (tx.refs.get(PROD).change, tx.refs.get(PROD).moved_at)
    assert (second.monitor.name, second.stand, second.silence) == ("features", "undecided", None)
    lines = list(draw((first, second), Screen(io.StringIO(), io.StringIO(), environ={})))
    assert "firing" in lines[0]
    assert "silenced" in lines[0]
    assert world.do("monitors", limit=1) == (first,)
    assert world.abroad().do("monitors") == ()


def test_a_service_of_another_project_stands_as_it_does_there(world: World) -> None:
    """State, alert and silence come from where its declarations do."""
    deploy(world, ERRORS)
    Records(world).ask(world.loop.clock.now() // HOUR * HOUR - 1, requests=10, errors=5)
    watch(world.loop)
    world.do("silence", "service/*/errors", why="known")
    (here,) = world.do("monitors", PROD)
    assert world.abroad().do("monitors", PROD) == (here,)
    assert (here.stand, here.silence is not None) == ("firing", True)


def test_what_has_no_monitors_says_so(world: World) -> None:
    """A service that declares none gives none; what is no service, or not there, is an error."""
    with pytest.raises(NotFound):
        world.do("monitors", PROD)
    deploy(world)
    assert world.do("monitors", PROD) == ()
    with pytest.raises(Invalid):
        world.do("monitors", CHAMPION)
