from __future__ import annotations

import random

import pytest

from loopline.insights.calendar import Window
from loopline.insights.sums import Joined, Sample, newest, quantile, share, spread, survival, unknown

DAY = 86_400_000_000
WINDOW = Window(0, 10 * DAY, 10 * DAY, limit=2)


def test_a_quantile_lies_between_its_neighbours() -> None:
    """The median of an even number is the middle of two; of nothing there is none."""
    assert (quantile([1, 2, 3, 10], 0.5), quantile([], 0.5)) == (2.5, None)
    assert quantile([1, 2, 3, 10], 0.9) == pytest.approx(7.9)


def test_what_is_open_counts_with_the_time_so_far() -> None:
    """Freireich's leukaemia patients on 6-MP (1963): 21, of whom 12 were censored, have a median remission of 23 weeks."""
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    still = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    samples = [Sample(0, one, "") for one in ended] + [Sample(0, one, "", over=False) for one in still]
    assert survival(samples, 0.5) == 23
    assert survival(samples, 0.9) is None
    assert survival([one for one in samples if one.over], 0.5) == 10


def test_fewer_than_half_ended_has_no_median_and_says_so() -> None:
    """Two open ones beside one that ended leave the median beyond what was seen."""
    measure = spread("x", [Sample(0, 5, "a"), Sample(1, 9, "b", over=False), Sample(2, 9, "c", over=False)], WINDOW)
    assert (measure.value, measure.n, measure.open) == (None, 3, 2)
    assert "fewer than half" in measure.why


def test_a_measure_has_its_list_newest_first_and_its_trend() -> None:
    """As many ids as were asked for, each once; a day for each period, those without anything with none."""
    measure = spread("x", [Sample(0, 1, "a"), Sample(1, 3, "b"), Sample(DAY, 8, "b"), Sample(9 * DAY, 9, "c")], WINDOW)
    assert (measure.value, measure.n, measure.ids) == (5.5, 4, ("c", "b"))
    assert [one.n for one in measure.trend] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert measure.trend[2].value is None
    part = share("y", [(DAY, "b")], [0, DAY, DAY + 1], WINDOW)
    assert (part.of, part.n, part.ids) == (1, 3, ("b",))
    assert part.value == pytest.approx(1 / 3)
    assert part.trend[1].value == 0.5
    assert share("y", [], [], WINDOW).value is None
    assert not unknown("z", "s", "nobody told").known
    assert newest(["a", "a", "b", "c"], WINDOW) == ("a", "b")


@pytest.mark.parametrize("seed", range(20))
def test_lists_in_order_are_joined_without_sorting_them(seed: int) -> None:
    """Every place has what it has in the sorted whole, equal values and empty lists included."""
    dice = random.Random(seed)
    lists = [sorted(dice.randint(0, 12) for _ in range(dice.choice((0, 1, 7, 30)))) for _ in range(dice.randint(1, 6))]
    every = sorted(one for some in lists for one in some)
    found = Joined(lists)
    assert (len(found), list(found), found[1:4]) == (len(every), every, every[1:4])
    assert quantile(found, 0.9) == quantile(every, 0.9)
