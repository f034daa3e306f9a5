from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.name import Named, Pointer, RefName
from loopline.verbs.paging import next_of

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


@pytest.fixture
def clashing(world: World) -> World:
    """Give a merge in which an edited file, a removed one, two new ones and a folder clash."""
    world.data(a=b"1", gone=b"1")
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"fix", new=b"2", x=b"file")
    blobs = world.loop.blobs
    from loopline.datasets.tree import build

    entries = [
        Entry(path, blobs.put(body), len(body))
        for path, body in (("a", b"main"), ("gone", b"2"), ("new", b"3"), ("x/y", b"in"))
    ]
    world.do("add", DATA, tree=build(blobs, entries))
    world.do("merge", Pointer(DATA, Named("fix")), MAIN)
    return world


def test_what_clashes_is_listed_with_both_sides(clashing: World) -> None:
    """Each path with its kind, what every side has there, and what was taken for it."""
    found = clashing.do("merges", MAIN)
    assert [(one.path, one.kind) for one in found] == [
        ("a", "edit/edit"), ("gone", "edit/delete"), ("new", "add/add"), ("x", "file/folder"),
    ]  # fmt: skip
    assert (found[1].theirs, found[1].ours.size) == (None, 1)
    assert (found[3].base, found[3].ours, found[3].theirs.path) == (None, Folder("x/", 1, 2), "x")
    clashing.do("merge", take="theirs", paths=("new", "x/"))
    assert [one.taken for one in clashing.do("merges", MAIN)] == [None, None, "theirs", "theirs"]
    assert [one.path for one in clashing.do("merges", MAIN, left=True)] == ["a", "gone"]


def test_a_list_of_what_clashes_goes_on_behind_a_path(clashing: World) -> None:
    """Page by page all of it, each path once."""
    first = clashing.do("merges", MAIN, limit=3)
    place = next_of("merges", {"limit": 3}, first)
    assert place == "new"
    assert [one.path for one in clashing.do("merges", MAIN, limit=3, after=place)] == ["x"]
    assert [one.path for one in clashing.do("merges", MAIN, prefix="g")] == ["gone"]
    with pytest.raises(Invalid):
        clashing.do("merges", MAIN, limit=0)


def test_open_merges_are_listed_with_how_much_is_left(clashing: World) -> None:
    """Until they are over; of a ref without one nothing can be listed."""
    clashing.do("merge", take="ours", paths=("a",))
    (one,) = clashing.do("merges")
    assert (one.ref, one.clashes, one.left) == (MAIN, 4, 3)
    assert clashing.do("merges", MAIN, itself=True) == (one,)
    clashing.do("merge", abandon=True)
    assert clashing.do("merges") == ()
    with pytest.raises(NotFound):
        clashing.do("merges", MAIN)


def test_looking_writes_nothing(clashing: World) -> None:
    """Also where the ref has moved since the merge was begun."""
    clashing.data(a=b"later")
    before = len(clashing.events())
    assert len(clashing.do("merges", MAIN)) == 4
    assert len(clashing.events()) == before
