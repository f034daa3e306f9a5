from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound

from .conftest import ANN, BOB, CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_it_is_over_with_a_reason(world: World) -> None:
    """Who resolved it, when and by what are kept, and are one event."""
    made = world.do("incident", "late")
    seq = world.events()[-1].seq
    over = world.do("resolve", made.id[:31], why=" the feed is back ", by=BOB)
    assert (over.resolved_by, over.resolution) == (str(BOB), "the feed is back")
    assert over.resolved_at is not None
    (event,) = world.events(seq)
    assert (event.kind, event.subject, event.recorded_at) == ("incident.resolved", made.id, over.resolved_at)
    assert world.do("find", "incidents", open=True) == ()


def test_resolving_twice_is_a_conflict_that_keeps_the_first(world: World) -> None:
    """The second hears who was first, and how to open it again."""
    made = world.do("incident", "late")
    over = world.do("resolve", made.id, why="done", by=BOB)
    with pytest.raises(Conflict) as caught:
        world.do("resolve", made.id, why="done too")
    assert (caught.value.kind, caught.value.facts["by"]) == ("incident-over", str(BOB))
    assert "reopen" in caught.value.hint
    assert world.do("find", "incidents") == (over,)


def test_a_rollback_says_who_resolved_it(world: World) -> None:
    """What is taken back resolves the incident in the name of whoever took it back."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    change = world.propose(2)
    world.do("incident", "late", caused_by=change.id)
    world.do("rollback", CHAMPION, why="in seconds")
    (over,) = world.do("find", "incidents")
    assert (over.resolved_by, over.resolution) == (str(ANN), "in seconds")


def test_no_reason_and_no_incident_are_refused(world: World) -> None:
    """A resolution says what was done, of an incident that is there."""
    made = world.do("incident", "late")
    with pytest.raises(Invalid) as silent:
        world.do("resolve", made.id, why="")
    assert silent.value.kind == "no-reason"
    with pytest.raises(NotFound) as caught:
        world.do("resolve", "ffffffff", why="x")
    assert caught.value.kind == "no-incident"


def test_a_clock_that_goes_back_makes_no_time_below_zero(world: World) -> None:
    """What ended before it began has lasted no time, in the feed and on the page."""
    made = world.do("incident", "late")
    clock: Any = world.loop.clock
    clock.set(made.opened_at - 1_000_000)
    world.do("resolve", made.id, why="done")
    payload = world.events()[-1].payload
    assert (payload and payload["lasted_us"], world.do("show", made.id).lasted) == (0, 0)
