from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.firing import Armed
from loopline.nouns.trigger import AtMost, Do, OnAlert, OnTime, Trigger
from loopline.testing.clock import START
from loopline.verbs.plain import plain, restore
from loopline.verbs.ticking import tick

from .triggered import alert, arm
from .triggered import fired as firings

if TYPE_CHECKING:
    from .conftest import World


HOUR = 3_600_000_000


def test_triggers_are_listed_with_their_last_and_next_firing(world: World) -> None:
    """What each waits for and does, when it last fired and why, when its time comes, and whether anybody looks."""
    page = Do(incident="Look")
    arm(
        world,
        Trigger("nightly", OnTime("0 3 * * *", "Europe/Berlin"), Do("train", (("a", "1"),), propose="model/m@best")),
        Trigger("page", OnAlert("service/*", "high"), page, AtMost(1, timedelta(hours=6))),
    )
    nightly, paged = world.do("triggers")
    assert (nightly.on, nightly.do) == ("schedule 0 3 * * * Europe/Berlin", "run train a=1, propose model/m@best")
    assert (nightly.fired_at, nightly.last, nightly.next_at, nightly.looking) == (None, None, START + 2 * HOUR, False)
    assert (paged.on, paged.at_most, paged.next_at) == ("alert of service/*, high or more", "1/6h", None)
    alert(world)
    (one,) = tick(world.loop)
    with world.loop.ledger.telemetry() as tables:
        tables.leases.take("ticker", "here", lasting=10**9)
    _, paged = found = world.do("triggers")
    assert (paged.fired_at, paged.last, paged.looking) == (one.fired_at, one, True)
    assert world.do("triggers", "page") == (one,) == tuple(firings(world))
    assert world.do("triggers", "nightly") == ()
    with pytest.raises(NotFound) as unknown:
        world.do("triggers", "pag")
    assert (unknown.value.kind, unknown.value.hint) == ("no-trigger", "did you mean page?")
    assert restore(tuple[Armed, ...], plain(found, project="flights"), project="flights") == found
