from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.name import AssetName, RefName

from .conftest import DATA, MODEL, OTHER, PROJECT

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


def test_a_branch_gets_a_name_and_loses_it(world: World) -> None:
    """The name is of one branch; saying it again changes how it commits; without it the data are as they were."""
    made = world.do("bucket", "raw-flights", MAIN)
    assert (made.name, made.ref, made.auto_commit) == ("raw-flights", MAIN, False)
    assert world.do("bucket", "raw-flights", MAIN, auto_commit=True).auto_commit
    world.do("branch", DATA, "units")
    with pytest.raises(Conflict):
        world.do("bucket", "raw-flights", RefName(DATA, "units"))
    assert world.do("bucket", "raw-flights", MAIN, delete=True).name == "raw-flights"
    assert [event.kind for event in world.events()][-1] == "bucket.removed"
    with pytest.raises(NotFound):
        world.do("bucket", "raw-flights", MAIN, delete=True)
    assert world.target(MAIN) == 1


def test_an_asset_that_is_not_there_is_made(world: World) -> None:
    """It has no versions yet; a branch other than main must be there."""
    new = AssetName(PROJECT, "data", "new")
    with pytest.raises(NotFound):
        world.do("bucket", "raw-flights", RefName(DATA, "none"))
    world.do("bucket", "new-flights", RefName(new, "main"))
    assert [str(one.asset) for one in world.do("ls", "data")] == ["data/flights", "data/new"]


def test_the_name_of_a_deleted_asset_is_free(world: World) -> None:
    """Whoever comes next may have it."""
    new = RefName(AssetName(PROJECT, "data", "new"), "main")
    world.do("bucket", "new-flights", new)
    world.do("delete", "data/new")
    assert world.do("bucket", "new-flights", MAIN).ref == MAIN


@pytest.mark.parametrize("name", ["ab", "A-b", "a_b", "a..b", "-ab", "ab.", "127.0.0.1", "a" * 64])
def test_a_name_is_one_that_every_client_takes(world: World, name: str) -> None:
    """What clients refuse, or take for an address, is no bucket; nor is what is no data."""
    with pytest.raises(Invalid):
        world.do("bucket", name, MAIN)
    with pytest.raises(Invalid):
        world.do("bucket", "models", RefName(MODEL, "champion"))


@pytest.mark.parametrize("name", ["flights", "flights.main", "flights.units"])
def test_nobody_takes_the_name_by_which_an_asset_is_a_bucket(world: World, name: str) -> None:
    """Whoever may name buckets in one project does not come between others and the data of another; one's own may be named so."""
    world.do("branch", DATA, "units")
    theirs = RefName(AssetName(OTHER, "data", "decoy"), "main")
    with pytest.raises(Conflict) as caught:
        world.abroad().do("bucket", name, theirs)
    assert caught.value.kind == "bucket-exists"
    assert world.abroad().do("bucket", "flights.other", theirs).ref == theirs
    assert world.do("bucket", name, MAIN).ref == MAIN
