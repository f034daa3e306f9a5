"""An asset goes with all its refs, or stays with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.datasets.tree import build
from loopline.nouns.change import ChangeState
from loopline.nouns.name import AssetName, Numbered, Pointer
from loopline.verbs.add import add
from loopline.verbs.branch import branch
from loopline.verbs.clearing import clear_out
from loopline.verbs.tag import tag

if TYPE_CHECKING:
    from .conftest import World

DATA = AssetName("flights", "data", "raw")


def test_an_asset_goes_with_its_refs_in_one_change(world: World) -> None:
    """Branches and fixed refs go together; versions stay, and the name can be used again."""
    loop = world.loop
    add(loop, DATA, tree=build(loop.blobs, ()))
    branch(loop, DATA, "july")
    tag(loop, "v1", Pointer(DATA, Numbered(1)))
    change = clear_out(loop, DATA, why="gone")
    assert change is not None
    assert (change.state, len(change.moves)) == (ChangeState.APPLIED, 3)
    with loop.ledger.read() as tx:
        assert (tx.assets.find(DATA), tx.refs.of(DATA), tx.versions.find(DATA, 1) is not None) == (None, [], True)
    add(loop, DATA, tree=build(loop.blobs, ()))
    with loop.ledger.read() as tx:
        assert tx.assets.get(DATA).last_number == 2


def test_one_without_refs_goes_alone(world: World) -> None:
    """Where nothing has to move, there is no change."""
    loop = world.loop
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.assets.ensure(DATA)
        tx.say("x", "y")
    assert clear_out(loop, DATA, why="gone") is None
    with loop.ledger.read() as tx:
        assert tx.assets.find(DATA) is None
