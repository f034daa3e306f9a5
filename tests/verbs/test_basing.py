from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.name import Latest, Named, Pointer, RefName
from loopline.verbs.basing import bases_of, moved_on, of_merge

from .conftest import DATA, MODEL

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


def test_sides_follow_the_ref(world: World) -> None:
    """Where it stands now is ours, and the base is found anew: what was merged meanwhile is behind both."""
    world.do("branch", DATA, "fix")
    world.data("fix", b=b"1")
    world.data(c=b"1")
    fix = Pointer(DATA, Named("fix"))
    with world.loop.ledger.read() as tx:
        sides = of_merge(tx, world.loop, fix, MAIN)
    assert (sides.parents, sides.base and sides.base.number) == ((3, 2), 1)
    world.do("merge", fix, MAIN)
    with world.loop.ledger.read() as tx:
        now = moved_on(tx, sides)
        assert (now.ours.number, now.base and now.base.number) == (4, 2)
        assert bases_of(tx, now.ours, now.ours) == [now.ours]


def test_only_trees_of_files_are_merged(world: World) -> None:
    """One blob has no paths."""
    world.train()
    world.do("branch", MODEL, "fix", at=Latest())
    with pytest.raises(Invalid) as caught, world.loop.ledger.read() as tx:
        of_merge(tx, world.loop, Pointer(MODEL, Latest()), RefName(MODEL, "fix"))
    assert caught.value.kind == "not-a-tree"
