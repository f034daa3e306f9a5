from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.testing.loop import loop
from loopline.verbs.feed import feed
from loopline.verbs.start import start

from .conftest import BOB

if TYPE_CHECKING:
    from .conftest import World


def test_the_newest_comes_first(guarded: World) -> None:
    """Without a place to start from, what happened last is told first, and `before` goes on from there."""
    every = [event.seq for event in guarded.events()]
    first = guarded.do("feed", limit=3)
    assert [event.seq for event in first] == every[:-4:-1]
    assert [event.seq for event in guarded.do("feed", before=first[-1].seq)] == every[-4::-1]


def test_behind_a_number_the_oldest_comes_first(guarded: World) -> None:
    """`after` gives what has happened since, in its order, and nothing where nothing has."""
    every = guarded.events()
    assert guarded.do("feed", after=every[1].seq, limit=2) == tuple(every[2:4])
    assert guarded.do("feed", after=every[-1].seq) == ()
    assert guarded.do("feed", after=10**30) == ()
    assert guarded.do("feed", before=-(10**30)) == ()


def test_events_are_picked(guarded: World) -> None:
    """By kind or pattern, by subject, by actor; a pattern's other signs mean themselves."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    told = guarded.do("feed", kind="change.*")
    assert {event.kind for event in told} == {"change.applied", "change.proposed", "change.approved"}
    assert [event.kind for event in guarded.do("feed", kind="change.approved")] == ["change.approved"]
    assert guarded.do("feed", kind="change_*") == guarded.do("feed", kind="%*") == ()
    assert [event.kind for event in guarded.do("feed", subject=change.id)] == ["change.approved", "change.proposed"]
    assert [event.actor for event in guarded.do("feed", actor="bob")] == ["person:bob"]


def test_a_feed_has_one_direction(world: World) -> None:
    """Forwards and backwards at once, or nothing at all, is a mistake; another project's feed is its own."""
    with pytest.raises(Invalid):
        world.do("feed", after=1, before=3)
    with pytest.raises(Invalid):
        world.do("feed", limit=0)
    assert world.abroad().do("feed") == ()


def test_the_beginning_of_an_id_is_enough() -> None:
    """The feed about a run is found by the digits that pages show; digits that nobody has find nothing."""
    here = loop()
    run = start(here, "train")
    assert {one.subject for one in feed(here, subject=run.id[:31])} == {run.id}
    assert feed(here, subject="f" * 12) == ()
