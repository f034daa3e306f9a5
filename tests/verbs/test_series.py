from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.run import Point

if TYPE_CHECKING:
    from .conftest import World


def curve(world: World, count: int, key: str = "loss") -> str:
    """Record a run with a curve."""
    run: str = world.do("start", "train").id
    world.do("log", run, points=tuple(Point(key, math.sin(i / 50), i, 1000 + i) for i in range(count)))
    return run


def test_points_come_with_step_and_time(world: World) -> None:
    """In the order of steps, whole where they fit."""
    run = curve(world, 5)
    (one,) = world.do("series", (run[:20],))
    assert (one.run, one.key, one.steps, one.times) == (run, "loss", (0, 1, 2, 3, 4), (1000, 1001, 1002, 1003, 1004))
    assert one.values == pytest.approx([math.sin(i / 50) for i in range(5)])
    assert (one.count, one.whole) == (5, True)


def test_many_points_are_thinned_out(world: World) -> None:
    """As many as asked for, with the count of all."""
    run = curve(world, 3000)
    (one,) = world.do("series", (run,), points=100)
    assert len(one.values) == 100
    assert (one.count, one.whole) == (3000, False)
    assert (one.steps[0], one.steps[-1]) == (0, 2999)
    assert max(one.values) == pytest.approx(1, abs=0.001)


def test_steps_can_be_cut_out(world: World) -> None:
    """A view that is zoomed in asks for its own steps, and gets them whole."""
    run = curve(world, 3000)
    (one,) = world.do("series", (run,), points=100, since=1000, until=1050)
    assert one.steps == tuple(range(1000, 1051))
    assert one.whole


def test_only_the_named_keys(world: World) -> None:
    """A key that a run lacks is left out; runs come in the order in which they were named."""
    first, second = curve(world, 2, "a"), curve(world, 2, "b")
    assert [(s.run, s.key) for s in world.do("series", (second, first), keys=("a", "b"))] == [
        (second, "b"),
        (first, "a"),
    ]
    assert world.do("series", (first,), keys=("b",)) == ()


def test_points_without_steps_are_told_apart_by_time(world: World) -> None:
    """What was logged again and again at step 0 keeps its course."""
    run = world.do("start", "train").id
    world.do("log", run, points=tuple(Point("loss", float(i == 70), 0, 10_000 + i) for i in range(200)))
    (one,) = world.do("series", (run,), points=20)
    assert 1.0 in one.values
    assert list(one.times) == sorted(one.times)


def test_values_that_are_no_numbers_stay(world: World) -> None:
    """NaN and infinity are part of a curve."""
    run = world.do("start", "train").id
    world.do("log", run, points=(Point("x", math.nan, 0), Point("x", math.inf, 1)))
    (one,) = world.do("series", (run,))
    assert math.isnan(one.values[0])
    assert one.values[1] == math.inf


@pytest.mark.parametrize("count", [0, 11])
def test_one_to_ten_runs(world: World, count: int) -> None:
    """Nobody reads more curves than that in one picture."""
    with pytest.raises(Invalid) as raised:
        world.do("series", tuple(str(i) for i in range(count)))
    assert raised.value.kind == "too-many-runs"
    with pytest.raises(NotFound):
        world.do("series", ("ffffffff",))
