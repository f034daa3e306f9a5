from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World


def test_versions_come_newest_first(world: World) -> None:
    """Pages go on from a number; beginning at a version, those before it and it."""
    for body in (b"2", b"3"):
        world.data(b_csv=body)
    assert [v.number for v in world.do("history", "data/flights")] == [3, 2, 1]
    assert [v.number for v in world.do("history", "data/flights", limit=1, after=3)] == [2]
    assert [v.number for v in world.do("history", "data/flights@2")] == [2, 1]
    assert [v.number for v in world.do("history", "data/flights@3", after=2)] == [1]


def test_moves_of_a_ref_come_newest_first(guarded: World) -> None:
    """Each says from where to where; what was only proposed is no move."""
    guarded.data(b_csv=b"2")
    first, second = guarded.do("history", "data/flights@main")[:2]
    assert [(m.old, m.new) for m in (first, second)] == [(1, 2), (None, 1)]
    (older,) = guarded.do("history", "data/flights@main", after=first.seq)
    assert older == second
    assert guarded.do("history", "data/flights@main", after=1) == ()
    guarded.propose(1)
    with pytest.raises(NotFound):
        guarded.do("history", "model/delay@champion")


def test_a_ref_that_is_gone_keeps_its_history(world: World) -> None:
    """Deleting a branch is a move, too."""
    world.do("branch", DATA, "x")
    world.do("branch", DATA, "x", delete=True)
    assert [(m.old, m.new) for m in world.do("history", "data/flights@x")] == [(1, None), (None, 1)]


def test_what_is_not_there_is_said(world: World) -> None:
    """An unknown asset, ref or limit is an error, not an empty list."""
    for wrong in ("data/nothing", "data/flights@nothing", "data/flights@9"):
        with pytest.raises(NotFound):
            world.do("history", wrong)
    for wrong in ("data", "flights"):
        with pytest.raises(Invalid):
            world.do("history", wrong)
    with pytest.raises(Invalid):
        world.do("history", "data/flights", limit=0)
    with pytest.raises(NotFound):
        world.abroad().do("history", "data/flights")
