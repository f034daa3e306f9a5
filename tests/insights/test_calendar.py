from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from loopline.insights.calendar import Window, days_back, midnight, month, quarter, young

DAY = 86_400_000_000


def at(text: str) -> int:
    """Microseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_a_day_on_which_the_clock_moves_is_a_whole_day() -> None:
    """Berlin's 29 March 2026 has 23 hours, and a window over that week has seven days."""
    window = Window(at("2026-03-22T23:00"), at("2026-03-29T22:00"), at("2026-04-01"), "Europe/Berlin")
    assert window.days == 7
    assert Window(at("2026-03-22T23:00"), at("2026-03-29T22:00"), at("2026-04-01")).days == pytest.approx(6 + 23 / 24)


def test_periods_are_those_of_the_teams_wall() -> None:
    """Days begin at the team's midnight, weeks on its Monday, months on the first; the first period may be cut off."""
    week = Window(at("2026-03-28T12:00"), at("2026-03-31T12:00"), at("2026-04-01"), "Europe/Berlin")
    assert week.periods == (
        at("2026-03-28T12:00"),
        at("2026-03-28T23:00"),
        at("2026-03-29T22:00"),
        at("2026-03-30T22:00"),
    )
    assert [week.place(one) for one in (week.since, at("2026-03-28T22:59"), at("2026-03-28T23:00"))] == [0, 0, 1]
    assert sum(week.length(place) for place in range(4)) == pytest.approx(week.days)
    weeks = Window(at("2026-01-01"), at("2026-02-01"), at("2026-02-01"))
    assert weeks.periods[:2] == (at("2026-01-01"), at("2026-01-05"))
    months = Window(at("2025-11-15"), at("2026-07-01"), at("2026-07-01"))
    assert months.periods[:3] == (at("2025-11-15"), at("2025-12-01"), at("2026-01-01"))


def test_a_window_begins_at_a_midnight_of_the_team() -> None:
    """So many whole days and what has passed of today."""
    tz = Window(0, 1, 1, "America/New_York").tz
    assert days_back(at("2026-07-10T02:00"), 2, tz) == at("2026-07-07T04:00")
    assert midnight(datetime(2026, 7, 7, tzinfo=UTC).date(), tz) == at("2026-07-07T04:00")
    assert (quarter(at("2026-12-31T23:30"), tz), month(at("2027-01-01T01:00"), tz)) == ("2026-Q4", "2026-12")


WINDOWS = some.builds(
    lambda since, length, zone, ago: Window(since, since + length, since + length - ago, zone),
    some.integers(at("1999-01-01"), at("2040-01-01")),
    some.one_of(some.integers(1, 20 * DAY), some.integers(1, 1500 * DAY)),
    some.sampled_from([
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
    ]),
    some.integers(0, 3 * DAY),
)


@given(WINDOWS)
def test_periods_share_the_window_without_a_gap(window: Window) -> None:
    """Each time of a window is in exactly one period, and every period but the first begins at a midnight of the team."""
    bounds = (*window.periods, window.until)
    assert bounds[0] == window.since
    assert all(begin < after for begin, after in pairwise(bounds))
    assert all(midnight(window.day(begin), window.tz) == begin for begin in window.periods[1:])
    for place, (begin, after) in enumerate(pairwise(bounds)):
        assert window.place(begin) == window.place(after - 1) == place


@given(WINDOWS)
def test_periods_that_are_whole_are_of_one_length_by_the_calendar(window: Window) -> None:
    """They are days, weeks from Monday, or months from the first, they are over, and none but the two at the ends is in part."""
    bounds = (*window.periods, window.until)
    assert len(window.whole) == len(window.periods)
    assert all(window.whole[1:-1]) or window.now < window.until
    for (begin, after), whole in zip(pairwise(bounds), window.whole, strict=True):
        first, behind = window.day(begin), window.day(after)
        if not whole:
            cut = begin != midnight(first, window.tz) or after != midnight(behind, window.tz) or after > window.now
            early = first.weekday() if window.unit == "week" else first.day - 1 if window.unit == "month" else 0
            late = behind.weekday() if window.unit == "week" else behind.day - 1 if window.unit == "month" else 0
            assert cut or early or late
            continue
        assert after <= window.now
        if window.unit == "month":
            assert (first.day, behind.day) == (1, 1)
            assert timedelta(days=28) <= behind - first <= timedelta(days=31)
        else:
            assert behind - first == timedelta(days=7 if window.unit == "week" else 1)
            assert window.unit == "day" or first.weekday() == 0


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (30_000_000, "less than a minute"), (60_000_000, "1 minute "), (42 * 60_000_000, "42 minutes"),
        (5 * DAY // 24, "5 hours"), (3 * DAY, "3 days"), (7 * DAY, ""),
    ],
)  # fmt: skip
def test_a_short_history_says_that_it_is_one(length: int, said: str) -> None:
    """Up to a week its length is told with what that means, behind it nothing is."""
    found = young(0, length)
    assert said in found
    assert bool(found) == bool(said)
    assert young(None, 5) == ""
