from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loopline.verbs.decimating import MANY, decimated, extremes

VALUES = st.lists(st.floats(width=32), min_size=0, max_size=400)


@given(VALUES, st.integers(3, 50))
def test_what_is_kept_is_few_and_in_order(values: list[float], limit: int) -> None:
    """At most as many as asked for, rising, with the first and the last."""
    kept = decimated(range(len(values)), values, limit)
    assert len(kept) <= max(limit, 3)
    assert kept == sorted(set(kept))
    if values:
        assert (kept[0], kept[-1]) == (0, len(values) - 1)


def test_few_points_stay_as_they_are() -> None:
    """Nothing is left out where all fit."""
    assert decimated([0, 1, 2], [5, math.nan, 7], 3) == [0, 1, 2]


def test_a_spike_is_kept() -> None:
    """The triangle of a lone peak is the largest of its bucket."""
    values = [0.0] * 1000
    values[617] = 10.0
    assert 617 in decimated(range(1000), values, 50)


def test_a_spike_among_very_many_is_kept() -> None:
    """Beyond the limit of what is looked at twice, the lowest and highest of each bucket go on."""
    values = [math.sin(i / 999) for i in range(3 * MANY)]
    values[41_234] = -50.0
    kept = decimated(range(len(values)), values, 200)
    assert 41_234 in kept
    assert len(kept) <= 200


def test_a_shape_is_kept() -> None:
    """A sine of 10,000 points, drawn by 200 of them, is nowhere further off than a fiftieth."""
    values = [math.sin(i / 800) for i in range(10_000)]
    kept = decimated(range(10_000), values, 200)
    worst = 0.0
    for a, b in pairwise(kept):
        for i in range(a, b):
            between = values[a] + (values[b] - values[a]) * (i - a) / (b - a)
            worst = max(worst, abs(between - values[i]))
    assert worst < 0.02


def test_extremes_of_gaps_keep_the_gap() -> None:
    """A bucket without a number keeps one of its points, so that the line is lifted there."""
    values = [1.0] * 10 + [math.nan] * 10 + [2.0] * 10
    kept = extremes(values, 6)
    assert any(math.isnan(values[i]) for i in kept)
