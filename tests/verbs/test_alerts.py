from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.alert import Alert
from loopline.verbs.paging import next_of

if TYPE_CHECKING:
    from .conftest import World


def opened(world: World, service: str, monitor: str) -> Alert:
    """Let a monitor see something."""
    with world.loop.ledger.write(world.loop.project, world.loop.actor) as tx:
        tx.say("alert.opened", monitor)
        made = Alert(world.loop.ids.new(), world.loop.project, service, monitor, "drift", "low", "moved", 0, 0)
        return tx.alerts.open(made)


def test_alerts_are_told_newest_first(world: World) -> None:
    """Of every service or of one, those that are open, and none of another project."""
    first, second = opened(world, "service/a@prod", "x"), opened(world, "service/b@prod", "x")
    assert [one.id for one in world.do("alerts")] == [second.id, first.id]
    assert [one.id for one in world.do("alerts", "service/a@prod")] == [first.id]
    assert next_of("alerts", {"limit": 1}, world.do("alerts", limit=1)) == second.id
    assert [one.id for one in world.do("alerts", limit=1, after=second.id)] == [first.id]
    with world.loop.ledger.write(world.loop.project, world.loop.actor) as tx:
        tx.alerts.resolve(second)
        tx.say("alert.resolved", second.id)
    assert [one.id for one in world.do("alerts", open=True)] == [first.id]
    assert world.abroad().do("alerts") == ()
    with pytest.raises(Invalid):
        world.do("alerts", limit=0)
