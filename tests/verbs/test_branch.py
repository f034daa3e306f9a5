from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.name import AssetName, Numbered, RefName

from .conftest import DATA, OTHER

if TYPE_CHECKING:
    from .conftest import World


def test_a_branch_begins_where_it_is_told(world: World) -> None:
    """It begins at main or at the revision that is named, and is a change like any other."""
    world.data(b_csv=b"2")
    world.do("branch", DATA, "new")
    world.do("branch", DATA, "old", at=Numbered(1))
    assert (world.target(RefName(DATA, "new")), world.target(RefName(DATA, "old"))) == (2, 1)
    assert world.events()[-1].kind == "change.applied"


def test_a_branch_is_made_once_and_removed_once(world: World) -> None:
    """A name that is taken is a conflict; removing leaves the versions."""
    world.do("branch", DATA, "new")
    with pytest.raises(Conflict):
        world.do("branch", DATA, "new")
    world.do("branch", DATA, "new", delete=True)
    assert world.target(RefName(DATA, "new")) is None
    with pytest.raises(NotFound):
        world.do("branch", DATA, "new", delete=True)
    assert len(world.do("history", "data/flights@new")) == 2


@pytest.mark.parametrize("name", ["", "x" * 501, "\x00"])
def test_a_name_that_cannot_be_written_is_refused(world: World, name: str) -> None:
    """Nobody could ask for the branch again."""
    with pytest.raises(Invalid):
        world.do("branch", DATA, name)


def test_a_branch_of_another_project_is_not_made(world: World) -> None:
    """Its policy would not be asked."""
    with pytest.raises(NotFound):
        world.do("branch", AssetName(OTHER, "data", "flights"), "x")
    with pytest.raises(Invalid):
        world.abroad().do("branch", DATA, "x")
