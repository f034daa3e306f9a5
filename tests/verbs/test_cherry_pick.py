from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Refused
from loopline.nouns.name import Numbered, Pointer, RefName

from .conftest import ANN, DATA

if TYPE_CHECKING:
    from .conftest import World

JULY = RefName(DATA, "july")


@pytest.fixture
def picking(world: World) -> World:
    """Give a branch from before two versions of main."""
    world.do("branch", DATA, "july")
    world.data(a_csv=b"1\n", b=b"1")
    world.data(a_csv=b"1\n", b=b"1", c=b"1")
    return world


def test_the_changes_of_one_version_come_alone(picking: World) -> None:
    """Not those of the versions before it; with its message, and without joining the lines."""
    made = picking.do("cherry_pick", Pointer(DATA, Numbered(3)), JULY)
    assert (made.kind, made.version.parents, made.version.message) == ("cherry-pick", (1,), "more")
    assert [one.path for one in picking.do("ls", "data/flights@july")] == ["a.csv", "c"]
    assert picking.do("cherry_pick", Pointer(DATA, Numbered(3)), JULY).state == "nothing"
    picking.do("cherry_pick", Pointer(DATA, Numbered(2)), JULY)
    assert [one.path for one in picking.do("ls", "data/flights@july")] == ["a.csv", "b", "c"]


def test_what_is_in_quarantine_is_not_picked(picking: World) -> None:
    """Its changes would go where it may not."""
    with picking.loop.ledger.write(DATA.project, ANN) as tx:
        tx.versions.quarantine(DATA, 3, reason="wrong units")
        tx.say("test", "test")
    with pytest.raises(Refused):
        picking.do("cherry_pick", Pointer(DATA, Numbered(3)), JULY)
