from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Invalid
from loopline.nouns.name import Named, Numbered, Pointer, RefName

from .conftest import ANN, DATA

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


def names(world: World, number: int) -> list[str]:
    """Give the paths of a version."""
    with world.loop.ledger.read() as tx:
        version = tx.versions.get(DATA, number)
    return [one.path for one in Tree(world.loop.blobs, version.artifact.digest).iter()]


def test_one_version_is_undone_and_what_came_later_stays(world: World) -> None:
    """What it added is gone, what it removed is back, in a new version whose only parent is the head."""
    world.data(a_csv=b"1\n", b=b"1")
    world.data(b=b"1", c=b"1")
    world.data(b=b"1", c=b"1", d=b"1")
    made = world.do("revert", Pointer(DATA, Numbered(3)))
    assert (made.kind, made.state, made.version.parents) == ("revert", "made", (4,))
    assert names(world, 5) == ["a.csv", "b", "d"]
    assert world.target(MAIN) == 5


def test_what_was_changed_again_clashes(world: World) -> None:
    """It waits as a merge does, and is finished as one."""
    world.data(a=b"2")
    world.data(a=b"3")
    assert world.do("revert", Pointer(DATA, Numbered(2))).state == "clashing"
    world.do("merge", take="theirs", paths=("*",))
    done = world.do("merge", continue_=True)
    assert (done.kind, done.version.parents, names(world, 4)) == ("revert", (3,), ["a.csv"])


def test_a_revert_for_which_everything_stays_as_it_is_makes_no_version(world: World) -> None:
    """It is over all the same, and the ref stays where it is."""
    world.data(a_csv=b"2")
    world.data(a_csv=b"3")
    world.do("revert", Pointer(DATA, Numbered(2)))
    world.do("merge", take="ours", paths=("*",))
    done = world.do("merge", continue_=True)
    assert (done.kind, done.state, done.version, world.target(MAIN)) == ("revert", "nothing", None, 3)
    assert world.do("merges") == ()


def test_the_first_version_is_undone_to_nothing(world: World) -> None:
    """It has no parent: what it brought goes."""
    world.data(a_csv=b"1\n", b=b"1")
    made = world.do("revert", Pointer(DATA, Numbered(1)))
    assert (made.theirs, names(world, made.version.number)) == (None, ["b"])


def test_what_is_undone_already_is_not_undone_again(world: World) -> None:
    """No version says what the one before it says."""
    world.data(a_csv=b"1\n", b=b"1")
    world.do("revert", Pointer(DATA, Numbered(2)))
    before = len(world.events())
    assert world.do("revert", Pointer(DATA, Numbered(2))).state == "nothing"
    assert len(world.events()) == before


def test_of_a_merge_the_parent_has_to_be_named(world: World) -> None:
    """What a merge has changed depends on the side; a revert of a revert brings it back."""
    world.do("branch", DATA, "fix")
    world.data("fix", a_csv=b"1\n", fix=b"1")
    world.data(a_csv=b"1\n", main=b"1")
    world.do("merge", Pointer(DATA, Named("fix")), MAIN)
    for parent, kind in ((None, "several-parents"), (1, "not-a-parent")):
        with pytest.raises(Invalid) as caught:
            world.do("revert", Pointer(DATA, Numbered(4)), parent=parent)
        assert caught.value.kind == kind
    world.do("revert", Pointer(DATA, Numbered(4)), parent=3)
    assert names(world, 5) == ["a.csv", "main"]
    world.do("revert", Pointer(DATA, Numbered(5)))
    assert names(world, 6) == ["a.csv", "fix", "main"]


def test_a_version_in_quarantine_is_undone(world: World) -> None:
    """That is what a revert is for."""
    world.data(a_csv=b"1\n", b=b"wrong")
    with world.loop.ledger.write(DATA.project, ANN) as tx:
        tx.versions.quarantine(DATA, 2, reason="wrong units")
        tx.say("test", "test")
    assert names(world, world.do("revert", Pointer(DATA, Numbered(2))).version.number) == ["a.csv"]
