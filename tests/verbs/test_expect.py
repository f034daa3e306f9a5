from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.check import Check
from loopline.nouns.expectation import Expectation
from loopline.nouns.name import Named, Numbered, Pointer, RefName

from .conftest import DATA, World

if TYPE_CHECKING:
    from pathlib import Path

MINUTES = Check("flights/rows", ("data/flights@main",), expect=(Expectation(("delay",), type="whole"),))
GROWS = Check("flights/grow", ("data/flights@july",), expect=(Expectation(change_min=0.0),))


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    """Give a project whose file declares two checks, and no policy."""
    world = World(replace(world.loop, work=tmp_path, checks=(MINUTES, GROWS)))
    world.data(july_csv=b"delay\n3\n4\n")
    world.do("branch", DATA, "july")
    world.data("july", july_csv=b"delay\n0.5\n")
    return world


def test_a_version_is_held_against_what_its_branch_expects(world: World) -> None:
    """Nothing is written down; a number is held against all that is expected of the data, and its parent is its base."""
    before = len(world.events())
    assert world.do("expect", Pointer(DATA, Named("main"))).holds
    found = world.do("expect", Pointer(DATA, Named("july")))
    assert (found.subject, found.base, found.holds) == ("data/flights@3", "data/flights@2", False)
    assert [one.observed for one in found.observations] == ["2 → 1 rows, -50.0 %"]
    found = world.do("expect", Pointer(DATA, Numbered(3)))
    assert [one.holds for one in found.observations] == [False, False]
    assert world.do("expect", Pointer(DATA, Numbered(3)), base=Pointer(DATA, Numbered(3)), only=("flights/grow",)).holds
    assert len(world.events()) == before


def test_a_branch_of_which_nothing_is_expected_is_held_against_the_others(world: World) -> None:
    """What main would say of it is what one asks before a merge."""
    world.do("branch", DATA, "other")
    found = world.do("expect", Pointer(DATA, Named("other")))
    assert [one.demand for one in found.observations] == [
        "delay is a whole number",
        "rows change at least +0 % against the base",
    ]


def test_the_base_of_a_merge_is_where_its_branch_stood(world: World) -> None:
    """A month that was branched off before the rows came is merged into those: no row of theirs has come with it."""
    world.do("branch", DATA, "late", at=Numbered(1))
    many = world.data(july_csv=b"delay\n3\n4\n5\n").version
    late = world.data("late", june_csv=b"delay\n1\n").version
    assert (many.number, late.number) == (3 + 1, 4 + 1)
    merged = world.do("merge", Pointer(DATA, Named("main")), RefName(DATA, "late")).version
    assert merged.line == (late.number, many.number)
    assert world.do("expect", Pointer(DATA, Numbered(merged.number))).base == str(late)


def test_where_nothing_is_expected_that_is_said(world: World) -> None:
    """An answer of nothing would look like one that all is well."""
    bare = World(replace(world.loop, checks=()))
    with pytest.raises(NotFound) as raised:
        bare.do("expect", Pointer(DATA, Named("main")))
    assert raised.value.kind == "no-check"
    with pytest.raises(NotFound):
        world.do("expect", Pointer(DATA, Named("main")), only=("flights/rwos",))
