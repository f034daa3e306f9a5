from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.change import ChangeState
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs.staging import NOTES, stage, written

from .conftest import DATA, OTHER, PROJECT

if TYPE_CHECKING:
    from .conftest import World


MAIN = RefName(DATA, "main")


def test_files_become_a_version_on_a_branch(world: World) -> None:
    """The version follows the one before, the branch moves to it, and one event tells both."""
    before = len(world.events())
    published = world.data(b_csv=b"2")
    assert (published.version.number, published.version.parents) == (2, (1,))
    assert published.change
    assert published.change.state is ChangeState.APPLIED
    assert world.target(MAIN) == 2
    (event,) = world.events(before)
    assert (event.kind, event.subject) == ("change.applied", published.change.id)
    assert event.payload is not None
    assert event.payload["version"] == "data/flights@2"


def test_notes_stay_with_their_paths(world: World) -> None:
    """What clients of S3 have said of a path is still said after files were added by another door."""
    stage(world.loop, MAIN, written("b.csv", world.loop.blobs.put(b"2"), 1, notes='{"type":"text/csv"}'))
    noted = world.do("commit", MAIN).version.metadata[NOTES]
    assert world.data(b_csv=b"2", c_csv=b"3").version.metadata[NOTES] == noted


def test_the_same_files_publish_nothing(world: World) -> None:
    """Adding what the branch has gives the version that is there."""
    again = world.data(a_csv=b"1\n")
    assert (again.version.number, again.change) == (1, None)
    assert world.events()[-1].kind == "version.unchanged"
    assert len(world.do("history", "data/flights")) == 1


def test_a_writer_who_saw_an_older_branch_is_told(world: World) -> None:
    """With `expect`, of two writers who both saw version 1 only the first gets through."""
    tree = world.tree(b_csv=b"2")
    world.do("add", DATA, tree=tree, expect=1)
    with pytest.raises(Conflict) as caught:
        world.do("add", DATA, tree=world.tree(c_csv=b"3"), expect=1)
    assert (caught.value.facts["expected"], caught.value.facts["found"]) == (1, 2)
    with pytest.raises(Conflict):
        world.do("add", DATA, tree=tree, branch="new", expect=1)


def test_a_policy_holds_the_branch(world: World) -> None:
    """Where a policy speaks of the branch the version is there and the branch waits."""
    world.policy(Policy("data", ("data/*@main",), approvals=Approvals(count=1)))
    published = world.data(b_csv=b"2")
    assert published.change
    assert published.change.state is ChangeState.PROPOSED
    assert world.target(MAIN) == 1


def test_only_stored_trees_of_this_project_are_added(world: World) -> None:
    """Missing bytes, a foreign asset and names that cannot be written are refused, and nothing is published."""
    tree = world.tree(b_csv=b"2")
    with pytest.raises(NotFound):
        world.do("add", DATA, tree=digest_of(b"none"))
    for asset, branch in (
        (AssetName(OTHER, "data", "flights"), "main"), (DATA, ""), (DATA, "\x00"), (AssetName(PROJECT, "data", ""), "main"),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            world.do("add", asset, tree=tree, branch=branch)
    assert len(world.do("history", "data/flights")) == 1


def test_a_branch_may_be_called_like_a_number(world: World) -> None:
    """A ref that looks like a version is written so that it is none."""
    world.do("add", DATA, tree=world.tree(b_csv=b"2"), branch="16")
    assert world.target(RefName(DATA, "16")) == 2
    assert world.do("show", "data/flights@ref:16").target == 2


def test_a_tree_that_was_put_as_bytes_can_be_listed(world: World) -> None:
    """What a digest is becomes known by who knows it, whoever was first."""
    tree = world.tree(b_csv=b"2")
    world.do("put", AssetName(PROJECT, "report", "raw"), digest=tree)
    world.do("add", DATA, tree=tree)
    assert [entry.path for entry in world.do("ls", "data/flights")] == ["b.csv"]


def test_a_rehearsal_moves_nothing(world: World) -> None:
    """With --dry-run the answer tells what would happen."""
    assert world.rehearsing().data(b_csv=b"2").version.number == 2
    assert world.target(MAIN) == 1


def test_a_guarded_branch_is_asked_once(world: World) -> None:
    """Adding the same files while a change waits for its policy finds that change, and publishes nothing more."""
    world.policy(Policy("data", ("data/*@main",), approvals=Approvals(count=1)))
    first, second = (world.data(b_csv=b"2\n") for _ in range(2))
    assert first.change is not None
    assert second.change is not None
    assert (first.version.number, first.change.id) == (second.version.number, second.change.id)
