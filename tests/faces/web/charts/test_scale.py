from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.web.charts.scale import (
    Scale,
    bins,
    brief,
    extent,
    log_ticks,
    roomy,
    said,
    span_ticks,
    ticks,
    time_ticks,
    whole_ticks,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


def test_values_become_places_in_proportion() -> None:
    """The ends of the range stand at the ends of the axis, the middle in the middle, beyond is put at the edge."""
    scale = Scale(0, 10, 100, 300)
    assert [scale(v) for v in (0, 5, 10, -5, 50)] == [100, 200, 300, 100, 300]
    assert scale(math.inf) == 300
    up = Scale(1, 1000, 90, 0, log=True)
    assert [round(up(v)) for v in (1, 10, 100, 1000, 0, -3)] == [90, 60, 30, 0, 90, 90]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0.4124, 0.7362, [0.5, 0.6, 0.7]),
        (-3, 7, [-2, 0, 2, 4, 6]),
        (1e9, 5e9, [1e9, 2e9, 3e9, 4e9, 5e9]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    """Steps are 1, 2, 2.5 or 5 times a power of ten."""
    assert ticks(low, high, 5) == pytest.approx(expected)


@given(FINITE, FINITE)
def test_ticks_stand_between_the_ends(a: float, b: float) -> None:
    """Whatever the range, ticks are few, rise, and lie in it, give or take a rounding."""
    low, high = min(a, b), max(a, b)
    found = ticks(low, high)
    assert len(found) <= 21
    assert found == sorted(found)
    air = (high / 2 - low / 2) * 1e-6 + abs(high) * 1e-9 + abs(low) * 1e-9
    assert all(low - air <= tick <= high + air for tick in found)


@given(FINITE)
def test_one_value_gets_a_range_around_it(value: float) -> None:
    """A curve of one point or of equal points is drawn in the middle."""
    low, high = roomy(value, value)
    assert low <= value <= high
    assert low < high


def test_steps_have_whole_ticks() -> None:
    """Nobody has seen step 2.5."""
    assert whole_ticks(0, 3, 6) == [0, 1, 2, 3]
    assert whole_ticks(0.2, 0.4) == [1]


def test_powers_of_ten_are_ticks_of_a_logarithm() -> None:
    """Over few decades 2 and 5 join them."""
    assert log_ticks(1e-6, 10) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    assert log_ticks(1, 30) == pytest.approx([1, 2, 5, 10, 20])


def test_time_ticks_are_of_the_readers_zone() -> None:
    """Midnight is where the reader is, and has the date in place of the hour."""
    start = 1_782_892_800_000_000  # 2026-07-01 08:00 UTC
    found = time_ticks(start, start + 24 * 3_600_000_000, 6, ZoneInfo("America/New_York"))
    assert [label for _, label in found] == ["06:00", "12:00", "18:00", "2 Jul"]
    assert (found[3][0] - start) / 3.6e9 == 20
    assert time_ticks(2**62, 2**62 + 10**6) == []


def test_lengths_of_time_are_round() -> None:
    """Axes of time since a start have ticks that people say."""
    assert span_ticks(76, 6) == [0, 15, 30, 45, 60, 75]
    assert span_ticks(3) == [0, 1, 2, 3]
    assert [said(v) for v in (0, 0.5, 15, 75, 3600)] == ["0", "0.5 s", "15 s", "1 min 15 s", "1 h"]
    assert span_ticks(0) == [0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (12_000, "12k"),
        (3_500_000, "3.5M"),
        (-0.5, "\u22120.5"),
        (1e-7, "1e\u221207"),
        (1e300, "1e+300"),
    ],
)
def test_ticks_are_written_short(value: float, text: str) -> None:
    """Thousands and millions by letter, a real minus."""
    assert brief(value) == text


def test_bins_hold_every_value() -> None:
    """Counts add up, edges embrace; one value alone has a bin of its own."""
    values = [i**2 / 100 for i in range(500)] + [math.nan, math.inf]
    counts, edges = bins(values)
    assert sum(counts) == 500
    assert len(edges) == len(counts) + 1 <= 41
    assert (edges[0], edges[-1]) == (0, max(values[:500]))
    assert bins([3, 3]) == ([2], [2.5, 3.5])
    assert bins([]) == ([], [])


@given(st.lists(FINITE, max_size=60))
def test_bins_survive_any_numbers(values: list[float]) -> None:
    """Also where the range is the whole of what a float can hold."""
    counts, _ = bins(values)
    assert sum(counts) == len(values)


def test_extent_is_of_numbers() -> None:
    """What is no finite number has no place."""
    assert extent([math.nan, 2, -math.inf, 1]) == (1, 2)
    assert extent([math.nan]) is None
