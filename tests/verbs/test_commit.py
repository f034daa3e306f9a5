from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid
from loopline.ledger.ledger import Ledger
from loopline.nouns.change import ChangeState
from loopline.nouns.name import RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs.commit import commit
from loopline.verbs.discard import discard
from loopline.verbs.staging import NOTES, gone, look, stage, written

from .conftest import BOB, DATA

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


def _put(world: World, path: str, body: bytes = b"x", notes: str = "") -> None:
    stage(world.loop, MAIN, written(path, world.loop.blobs.put(body), len(body), notes=notes))


def test_what_is_staged_becomes_a_version(world: World) -> None:
    """It follows the one before, is the tree that `add` would make of the same files, and leaves nothing staged."""
    before = len(world.events())
    _put(world, "b.csv", b"2")
    _put(world, "b.csv", b"3")
    published = world.do("commit", MAIN, message="b")
    assert (published.version.number, published.version.parents, published.version.message) == (2, (1,), "b")
    assert published.version.artifact.digest == world.tree(a_csv=b"1\n", b_csv=b"3")
    assert NOTES not in published.version.metadata
    (event,) = world.events(before)
    assert event.payload is not None
    assert (event.kind, event.payload["version"]) == ("change.applied", "data/flights@2")
    assert world.do("staged", MAIN) == ()
    again = world.do("commit", MAIN)
    assert (again.version.number, again.change) == (2, None)


def test_notes_are_a_tree_of_their_own(world: World) -> None:
    """What a tree of files cannot hold is kept beside it: the files' root is the same, and notes alone make a version."""
    _put(world, "b.csv", b"2")
    first = world.do("commit", MAIN).version
    _put(world, "b.csv", b"2", '{"type":"text/csv"}')
    _put(world, "empty/", b"")
    second = world.do("commit", MAIN).version
    assert (second.number, second.artifact.digest) == (3, first.artifact.digest)
    assert [one.path for one in Tree(world.loop.blobs, second.metadata[NOTES]).iter()] == ["f/b.csv", "m/dempty/!"]
    over = look(world.loop, MAIN).overlay(world.loop)
    found = over.find("b.csv")
    assert found
    assert over.notes(found) == '{"type":"text/csv"}'
    stage(world.loop, MAIN, gone("b.csv"))
    stage(world.loop, MAIN, gone("empty/"))
    assert NOTES not in world.do("commit", MAIN).version.metadata


def test_a_policy_holds_a_commit(world: World) -> None:
    """The version is there, the branch waits, what is staged stays to be seen; a second commit asks for nothing new."""
    world.policy(Policy("data", ("data/*@main",), approvals=Approvals(count=1)))
    _put(world, "b.csv")
    published = world.do("commit", MAIN)
    assert published.change.state is ChangeState.PROPOSED
    assert world.target(MAIN) == 1
    assert [one.path for one in world.do("staged", MAIN)] == ["b.csv"]
    assert world.do("commit", MAIN).change.id == published.change.id
    world.do("approve", published.change.id, by=BOB)
    world.do("apply", published.change.id)
    assert world.target(MAIN) == 2
    assert world.do("staged", MAIN) == ()


def test_nothing_staged_on_nothing_is_no_version(world: World) -> None:
    """An asset without versions gets none from an empty commit, and the name of the notes is not to be had."""
    from loopline.nouns.name import AssetName

    new = RefName(AssetName("flights", "data", "new"), "main")
    with world.loop.ledger.telemetry() as tx:
        tx.assets.ensure(new.asset)
    with pytest.raises(Conflict) as caught:
        world.do("commit", new)
    assert caught.value.kind == "nothing-staged"
    with pytest.raises(Invalid):
        world.do("commit", MAIN, metadata={NOTES: "x"})


def test_a_rehearsal_tells_what_would_come_and_leaves_everything(world: World) -> None:
    """What is staged stays staged, no version is there and no event, and a discard of it is only told."""
    _put(world, "b.csv", b"2")
    before = len(world.events())
    dry = replace(world.loop, ledger=Ledger(world.loop.ledger.database, clock=world.loop.clock, dry=True))
    published = commit(dry, MAIN)
    assert published.version.artifact.digest == world.tree(a_csv=b"1\n", b_csv=b"2")
    assert [one.path for one in discard(dry, MAIN)] == ["b.csv"]
    assert [one.path for one in world.do("staged", MAIN)] == ["b.csv"]
    assert (world.target(MAIN), len(world.events())) == (1, before)
    world.data(a_csv=b"9")
    stage(world.loop, MAIN, gone("a.csv"))
    assert [one.path for one in look(dry, MAIN).overlay(dry).iter()] == ["b.csv"]


def test_a_version_may_be_published_where_nothing_is_staged(world: World) -> None:
    """Only where that is asked for: the same files are the next version then, or none where there were none."""
    again = world.do("commit", MAIN, message="the same", allow_empty=True)
    assert (again.version.number, again.version.parents, again.version.message) == (2, (1,), "the same")
    assert again.version.artifact.digest == world.tree(a_csv=b"1\n")
    fresh = RefName(replace(DATA, name="fresh"), "main")
    world.do("bucket", "fresh", fresh)
    made = world.do("commit", fresh, allow_empty=True).version
    assert (made.number, made.parents, Tree(world.loop.blobs, made.artifact.digest).count) == (1, (), 0)
