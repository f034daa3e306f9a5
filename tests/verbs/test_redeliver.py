from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.subscription import Subscription

if TYPE_CHECKING:
    from .conftest import World


@pytest.fixture
def dead(world: World) -> Subscription:
    """Give a subscription for which events 1 and 2 are dead."""
    one: Subscription = world.do("subscribe", "https://chat.example.org/hook", name="chat", secret="env:CHAT", since=1)
    with world.loop.ledger.telemetry() as tx:
        one = tx.subscriptions.give_up(one, 1, status=500, error="500")
        return tx.subscriptions.give_up(one, 2, status=500, error="500")


def asked(world: World, one: Subscription) -> int | None:
    """Number of the event that is tried next out of order."""
    with world.loop.ledger.read() as tx:
        waiting = tx.subscriptions.asked(one)
    return waiting.seq if waiting else None


def test_one_dead_event_or_all(world: World, dead: Subscription) -> None:
    """Those that somebody asks for are tried again, the oldest first; one that is not dead is not found."""
    world.do("redeliver", "chat", 2)
    assert asked(world, dead) == 2
    with pytest.raises(NotFound):
        world.do("redeliver", "chat", 2)
    world.do("redeliver", "chat")
    assert asked(world, dead) == 1
    assert world.events()[-1].kind == "delivery.asked"
    assert [d.state for d in world.do("find", "deliveries", open=True)] == ["again", "again"]


def test_a_paused_one_is_resumed(world: World, dead: Subscription) -> None:
    """It goes on behind what it was told last, and the feed says so."""
    with world.loop.ledger.telemetry() as tx:
        tx.subscriptions.pause(dead, "410 Gone")
    assert world.do("find", "subscriptions", open=True) == ()
    resumed = world.do("redeliver", "chat")
    assert (resumed.paused_at, resumed.error, resumed.position) == (None, "", 2)
    assert world.events()[-1].kind == "subscription.resumed"


def test_a_missing_one_is_not_found(world: World, dead: Subscription) -> None:
    """Neither here nor in another project."""
    with pytest.raises(NotFound):
        world.do("redeliver", "nobody")
    with pytest.raises(NotFound):
        world.abroad().do("redeliver", "chat")
