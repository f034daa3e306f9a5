"""moments: the times that a schedule names in a zone, as microseconds since the epoch.

The day on which clocks move, as Debian's cron has it. A schedule that names hours and minutes: what falls into an hour that is
skipped comes right after it, and what falls into an hour that is repeated comes once, the first time. One whose minutes or hours
begin with `*` goes by the time that passes: nothing of it is skipped, and in the hour that is repeated it comes again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from loopline.errors import Invalid

FOLD: Final = timedelta(hours=3)
"""More than any clock is set back by: so far behind the last time that a name of the clock finds, another one may be later."""
MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_cron(text: str) -> str:
    """Give a schedule of five fields back. Raise Invalid for what is none, or names no time that ever comes."""
    if len(text.split()) != 5:
        raise Invalid(
            f"{text!r} is no schedule", kind="bad-schedule", text=text,
            hint='write minute, hour, day, month, weekday: "0 6 * * *" is every day at 06:00',
        )  # fmt: skip
    from cronsim import CronSim, CronSimError  # a worker in another environment may do without

    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        why = str(error).lower() or "such a day never comes"
        raise Invalid(
            f"{text!r} is no schedule ({why})", kind="bad-schedule", text=text,
            hint='write minute, hour, day, month, weekday: "0 6 * * *" is every day at 06:00',
        ) from None  # fmt: skip
    return text


@lru_cache(maxsize=1024)
def following(cron: str, zone: str, after: int) -> int | None:
    """Give the first time behind `after`; None where none comes within fifty years."""
    from cronsim import CronSim

    try:
        for one in CronSim(cron, _local(after, zone)):
            found = _micros(one)
            if found > after:  # begun in an hour that repeats, the first names of the clock may lie before
                return found
    except (StopIteration, RuntimeError, OverflowError, ValueError):
        pass
    return None


def newest(cron: str, zone: str, *, after: int, until: int) -> int | None:
    """Give the last time behind `after` up to `until`; None where there is none, which most questions end with at once."""
    from cronsim import CronSim

    first = following(cron, zone, after)
    if first is None or first > until:
        return None
    back = next(CronSim(cron, _local(until, zone).replace(microsecond=0) + timedelta(seconds=1), reverse=True))
    start = max(first, _micros(back) - FOLD // MICROSECOND)
    last = first
    for one in CronSim(cron, _local(start - 1, zone)):
        found = _micros(one)
        if found > until:
            break
        last = max(last, found)
    return last


def said(moment: int, zone: str) -> str:
    """Write a time for people, in the zone in which it was named."""
    return f"{_local(moment, zone):%Y-%m-%d %H:%M} {zone}"


def _local(moment: int, zone: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(UTC if zone == "UTC" else ZoneInfo(zone))


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // MICROSECOND
