"""calendar: the window that is asked about, and its days, weeks and months as the team lives them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_DAY_US: Final = 86_400_000_000
WEEK_US: Final = 7 * _DAY_US
Unit = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Window:
    """From `since` (in it) until `until` (not), seen at `now`."""

    since: int
    until: int
    now: int
    zone: str = "UTC"
    horizon: int = 7 * _DAY_US
    """A deployment that is younger may still turn out to have failed: it does not count for the fail rate."""
    limit: int = 20
    """How many ids are told behind a number."""

    def __contains__(self, at: object) -> bool:
        """Tell whether a time lies in it."""
        return isinstance(at, int) and self.since <= at < self.until

    @cached_property
    def tz(self) -> ZoneInfo:
        """The team's zone."""
        return ZoneInfo(self.zone)

    @cached_property
    def days(self) -> float:
        """How many days it has by the team's wall clock, one at least: what happened in an hour is no rate of a day.

        A day on which the clock is put forward is a whole one, too.
        """
        return max(_days(self.since, self.until, self.tz), 1.0)

    @property
    def unit(self) -> Unit:
        """What its periods are."""
        return "day" if self.days <= 14 else "week" if self.days <= 190 else "month"

    @cached_property
    def periods(self) -> tuple[int, ...]:
        """Where the days (up to two weeks), weeks (up to half a year) or months of it begin; the first may be cut off."""
        unit, first = self.unit, _local(self.since, self.tz).date()
        found, here = [self.since], _next(first, unit)
        while (begin := midnight(here, self.tz)) < self.until and len(found) < 1000:
            if begin > self.since:
                found.append(begin)
            here = _next(here, unit)
        return tuple(found)

    @cached_property
    def whole(self) -> tuple[bool, ...]:
        """Tell of each period whether it is one from its beginning to its end, and over."""
        bounds = (*self.periods, self.until)
        end = min(self.until, self.now)
        return tuple(
            begin == midnight(first, self.tz) == midnight(_first(first, self.unit), self.tz)
            and after == midnight(_next(first, self.unit), self.tz)
            and after <= end
            for begin, after in pairwise(bounds)
            for first in (self.day(begin),)
        )

    def place(self, at: int) -> int:
        """Give the number of the period that a time of the window lies in."""
        return bisect_right(self.periods, at) - 1

    def length(self, place: int) -> float:
        """Give the days of a period, as far as it has passed."""
        bounds = (*self.periods, self.until)
        return _days(bounds[place], max(bounds[place] + 1, min(bounds[place + 1], self.until)), self.tz)

    def day(self, at: int) -> date:
        """Give the day of a time."""
        return _local(at, self.tz).date()


def _days(begin: int, end: int, tz: ZoneInfo) -> float:
    here, there = (_local(at, tz).replace(tzinfo=None) for at in (begin, end))
    return max((there - here) / timedelta(days=1), 1 / 86_400)


def midnight(day: date, tz: ZoneInfo) -> int:
    """Give when a day begins in a zone."""
    return (datetime.combine(day, time(), tz) - _EPOCH) // _MICRO


def days_back(now: int, days: int, tz: ZoneInfo) -> int:
    """Give the midnight in a zone that lies so many days before the day of `now`."""
    return midnight(_local(now, tz).date() - timedelta(days=days), tz)


def quarter(at: int, tz: ZoneInfo) -> str:
    """Name the quarter of a time: `2026-Q4`."""
    day = _local(at, tz)
    return f"{day.year}-Q{(day.month + 2) // 3}"


def month(at: int, tz: ZoneInfo) -> str:
    """Name the month of a time: `2026-11`."""
    return f"{_local(at, tz):%Y-%m}"


def _local(at: int, tz: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(tz)


def young(begun: int | None, now: int) -> str:
    """Say for how long the ledger has known a project, while that is less than a week; else nothing."""
    length = now - begun if begun is not None else WEEK_US
    if length >= WEEK_US:
        return ""
    sizes = ((_DAY_US, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"))
    count, word = next(((length // size, word) for size, word in sizes if length >= size), (0, ""))
    known = f"{count} {word}{'s' if count != 1 else ''}" if word else "less than a minute"
    return f"the ledger knows {known} of this project: seconds and minutes are those of this short time, not of a team's year"


def _first(day: date, unit: Unit) -> date:
    if unit == "day":
        return day
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)


def _next(day: date, unit: Unit) -> date:
    if unit == "day":
        return day + timedelta(days=1)
    if unit == "week":
        return day + timedelta(days=7 - day.weekday())
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
