from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid

from .conftest import BOB

if TYPE_CHECKING:
    from .conftest import World


def test_it_is_open_again_and_the_feed_has_how_it_was_resolved(world: World) -> None:
    """Its opening stays, its end is gone, and the event keeps who had resolved it, when and by what."""
    made = world.do("incident", "late")
    over = world.do("resolve", made.id, why="done", by=BOB)
    seq = world.events()[-1].seq
    again = world.do("reopen", made.id, why="still late")
    assert again == made
    (event,) = world.events(seq)
    assert (event.kind, event.payload) == (
        "incident.reopened",
        {
            "before": {"resolved_at": over.resolved_at, "resolved_by": str(BOB), "resolution": "done"},
            "why": "still late",
        },
    )
    world.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    assert world.do("resolve", made.id, why="now").resolved_at != over.resolved_at


def test_what_is_open_is_not_opened_and_needs_a_reason(world: World) -> None:
    """Both are refused with a next step."""
    made = world.do("incident", "late")
    with pytest.raises(Conflict) as caught:
        world.do("reopen", made.id, why="x")
    assert caught.value.kind == "incident-open"
    with pytest.raises(Invalid):
        world.do("reopen", made.id, why=" ")
