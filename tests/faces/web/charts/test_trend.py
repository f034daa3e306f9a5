"""A course in periods: what has nothing is a gap, what is in part is pale, and n stands below."""

from __future__ import annotations

import re

import pytest

from loopline.faces.web.charts.stages import Part, stages
from loopline.faces.web.charts.trend import MOST, Spot, trend

DAY = 86_400_000_000
WEEKS = [
    Spot(0, 4 * DAY, 6 * DAY, 5, whole=False), Spot(7 * DAY, 2 * DAY, 3 * DAY, 9), Spot(14 * DAY, None, None, 0),
    Spot(21 * DAY, 3 * DAY, 5 * DAY, 8), Spot(28 * DAY, DAY, DAY, 2),
]  # fmt: skip


def test_nothing_is_drawn_across_a_period_without_data() -> None:
    """The pen is lifted there, for the median and for p90: a line would be a number that nobody has measured."""
    drawn = str(trend(WEEKS, title="t"))
    for tone in ("k1", "k2"):
        path = re.search(rf'd="(M[^"]*)" class="line {tone}"', drawn)
        assert path
        assert [len(re.findall("[ML]", one)) for one in re.findall(r"M[^M]*", path[1])] == [2, 2]


def test_n_stands_below_each_period_that_has_something() -> None:
    """And not below the gap; the table behind it has every period, and says which are in part."""
    drawn = str(trend(WEEKS, title="t"))
    assert re.findall(r'class="strong"[^>]*>(\d+)<', drawn) == ["5", "9", "8", "2"]
    rows = re.findall(r"<tr><td>([^<]+)</td><td class=\"n\">([^<]+)</td>", drawn)
    assert [one for one, _ in rows] == ["1970-01-01, in part", "1970-01-08", "1970-01-15", "1970-01-22", "1970-01-29"]
    assert [two for _, two in rows] == ["4 d", "2 d", "–", "3 d", "1 d"]


def test_what_is_in_part_or_of_few_is_hollow() -> None:
    """The first is cut off, the last is of two: neither looks like the others."""
    drawn = str(trend(WEEKS, title="t"))
    dots = {kind: path.count("M") for path, kind in re.findall(r'd="([^"]*)" class="dots ([^"]+)"', drawn)}
    assert dots == {"k1": 2, "few k1": 2, "small k2": 3, "hole": 2}
    bars = str(
        trend([Spot(0, 0.5, None, 3, whole=False), Spot(DAY, 0.2, None, 3)], title="t", unit="per day", bars=True)
    )
    assert re.findall(r'class="(bar-mark[^"]*)"', bars) == ["bar-mark k1 soft", "bar-mark k1"]


@pytest.mark.parametrize("high", [1, 3_000_000, 50_000_000, DAY // 3, int(4.7 * DAY), 9 * DAY, 40 * DAY, 900 * DAY])
def test_an_axis_of_lengths_has_more_than_its_zero(high: int) -> None:
    """Whatever the longest is, at least two lines beside zero say how long something takes."""
    drawn = str(trend([Spot(0, high, None, 3), Spot(DAY, high / 2, None, 3)], title="t"))
    assert len(re.findall(r'class="grid"', drawn)) >= 3


def test_the_newest_of_many_periods_are_drawn() -> None:
    """Hundreds of months would be a smear."""
    drawn = str(trend([Spot(at * 30 * DAY, 1.0 + at, None, 3) for at in range(200)], title="t", unit="count"))
    assert drawn.count("h0") == MOST


def test_a_bar_is_divided_by_shares() -> None:
    """In order, as wide as their shares, the largest the highest; what has none has no place."""
    drawn = str(
        stages([Part("waiting", 0.6, 5, most=True), Part("running", 0.0, 1), Part("reviewing", 0.4, 4)], title="t")
    )
    wide = [float(one) for one in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    assert wide[0] / wide[1] == pytest.approx(1.5, rel=0.02)
    assert sum(wide) == pytest.approx(960 - 2, abs=0.1)
    high = [float(one) for one in re.findall(r'<rect [^>]*height="([\d.]+)"', drawn)]
    assert high[0] > high[1]
    assert "waiting 60\u00a0%, running 0\u00a0%, reviewing 40\u00a0%" in drawn


def test_what_took_no_time_stands_on_an_axis_of_a_second() -> None:
    """Changes that were current at once have no length, and no axis of millionths of a second either."""
    assert "e-0" not in str(trend([Spot(0, 0.0, 0.0, 3)], title="lead"))
