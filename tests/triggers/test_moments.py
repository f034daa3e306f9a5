"""The times of a schedule, above all on the days on which clocks move."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loopline.errors import Invalid
from loopline.triggers.moments import following, newest, parse_cron, said

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    """Give a time of UTC in microseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def every(cron: str, zone: str, start: str, end: str) -> list[str]:
    """Give each time of a schedule behind one time and up to another, as UTC."""
    found, here = [], at(start)
    while (here := following(cron, zone, here) or at("9999-01-01")) <= at(end):
        found.append(said(here, "UTC").removesuffix(" UTC")[5:])
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "start", "end", "wanted"),
    [
        ("0 6 * * *", BERLIN, "2026-03-28", "2026-03-31", ["03-28 05:00", "03-29 04:00", "03-30 04:00"]),
        ("0 6 * * *", BERLIN, "2026-10-24", "2026-10-26 12:00", ["10-24 04:00", "10-25 05:00", "10-26 05:00"]),
        ("30 2 * * *", BERLIN, "2026-03-28", "2026-03-30 12:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", BERLIN, "2026-10-24", "2026-10-26 12:00", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("30 * * * *", BERLIN, "2026-03-29", "2026-03-29 03:00", ["03-29 00:30", "03-29 01:30", "03-29 02:30"]),
        ("30 * * * *", BERLIN, "2026-10-25", "2026-10-25 03:00", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03", "2018-11-05 12:00", ["11-03 03:00", "11-04 03:00", "11-05 02:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", "2026-10-05", ["10-03 15:30", "10-04 15:15"]),
        ("0 6 29 2 *", "UTC", "2026-01-01", "2033-01-01", ["02-29 06:00", "02-29 06:00"]),
    ],
)  # fmt: skip
def test_a_day_on_which_clocks_move_has_each_time_once(
    cron: str, zone: str, start: str, end: str, wanted: list[str]
) -> None:
    """What falls into a skipped hour comes right after it, what falls into a repeated one comes once, `*` goes by real time."""
    assert every(cron, zone, start, end) == wanted


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/20 * * * *", "0 * * * *", "15 1-3 * * *"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_last_time_is_the_last_of_all_times_whenever_one_looks(cron: str, day: str) -> None:
    """Asked every ten minutes through a day on which clocks move, `newest` finds what counting all times finds."""
    start = at(day) - 3_600_000_000
    times = [start]
    while (last := following(cron, BERLIN, times[-1])) and last < start + 8 * 3_600_000_000:
        times.append(last)
    for step in range(48):
        until = start + step * 600_000_000 + 1
        for after in (start, until - 1_200_000_000, until - 1):
            wanted = [one for one in times[1:] if after < one <= until]
            assert newest(cron, BERLIN, after=max(after, start), until=until) == (wanted[-1] if wanted else None)


def test_a_year_without_looking_costs_no_year_of_counting() -> None:
    """The last of half a million missed times is found from its end."""
    found = newest("* * * * *", BERLIN, after=at("2025-01-01"), until=at("2026-01-01") + 59_000_000)
    assert found == at("2026-01-01")
    assert newest("0 6 1 * *", "UTC", after=at("2026-01-02"), until=at("2026-02-20")) == at("2026-02-01 06:00")
    assert newest("0 6 1 * *", "UTC", after=at("2026-02-01 06:00"), until=at("2026-02-20")) is None


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "0 6 31 2 *", "@daily", "0 0 6 * * *", "a b c d e"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    """Five fields that name a time which comes, and nothing else."""
    with pytest.raises(Invalid) as caught:
        parse_cron(text)
    assert caught.value.kind == "bad-schedule"
