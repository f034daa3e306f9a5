from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound

if TYPE_CHECKING:
    from .conftest import World


def test_who_unsubscribed_is_told_nothing_more(world: World) -> None:
    """The subscription is gone, its end is an event, and ending it twice finds nothing."""
    world.do("subscribe", "https://chat.example.org/hook", name="chat", secret="env:CHAT", since=1)
    with world.loop.ledger.read() as tx:
        assert [one.name for one in tx.subscriptions.due()] == ["chat"]
    world.do("unsubscribe", "chat")
    assert world.do("find", "subscriptions") == ()
    with world.loop.ledger.read() as tx:
        assert tx.subscriptions.due() == []
    assert world.events()[-1].kind == "subscription.ended"
    with pytest.raises(NotFound):
        world.do("unsubscribe", "chat")


def test_nobody_ends_what_another_project_has(world: World) -> None:
    """A name of another project is no name here."""
    world.do("subscribe", "https://chat.example.org/hook", name="chat", secret="env:CHAT")
    with pytest.raises(NotFound):
        world.abroad().do("unsubscribe", "chat")
