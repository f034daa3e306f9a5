from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loopline.insights.calendar import Window, days_back, midnight, month, quarter

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
