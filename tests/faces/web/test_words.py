from __future__ import annotations

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.web import words

NOW = 1_782_892_800_000_000
MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.77123456, "0.7712"), (5.0, "5"), (-0.5, "\u22120.5000"), (1234567.0, "1\u202f234\u202f567"),
        (12345.678, "12\u202f345.7"), (1e-5, "1.000e\u221205"), (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "\u2212∞"),
        (None, "–"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_reading(value: float | None, text: str) -> None:
    """Four digits that mean something, thousands apart, a real minus."""
    assert words.number(value) == text


@given(st.floats())
def test_any_number_can_be_written(value: float) -> None:
    """Nothing that a metric may be breaks a page."""
    assert words.number(value)
    assert words.signed(value)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0 ms"), (40_000, "40 ms"), (12_340_000, "12.3 s"), (59_960_000, "60.0 s"), (200 * 1_000_000, "3 min 20 s"),
        (18_120 * 1_000_000, "5 h 2 min"), (360_000 * 1_000_000, "4 d 4 h"), (-5, "0 ms"), (None, "–"),
    ],
)  # fmt: skip
def test_lengths_are_said(micros: float | None, text: str) -> None:
    """In two units at most."""
    assert words.span(micros) == text


def test_sizes_are_said() -> None:
    """In steps of 1024."""
    assert [words.size(n) for n in (0, 912, 3482, 1 << 40, 1 << 60)] == [
        "0 B",
        "912 B",
        "3.4 KiB",
        "1.0 TiB",
        "1024.0 PiB",
    ]


def test_a_time_is_a_time_element() -> None:
    """Machines read UTC, people how long ago, or the day in their zone where that is longer than a week."""
    zone = ZoneInfo("America/New_York")
    assert words.when(NOW - 3 * MINUTE, now=NOW, zone=zone) == (
        '<time datetime="2026-07-01T07:57:00.000Z" title="2026-07-01 03:57:00 EDT">3 minutes ago</time>'
    )
    assert ">2026-06-20</time>" in words.when(NOW - 11 * 24 * 60 * MINUTE, now=NOW, zone=zone)
    assert ">2026-07-01 08:00:00 UTC</time>" in words.when(NOW, now=NOW, zone=UTC, full=True)
    assert "–" in words.when(None, now=NOW, zone=UTC)
    assert "in 2 hours" in words.when(NOW + 120 * MINUTE, now=NOW, zone=UTC)


@given(st.integers(-(2**62), 2**62))
def test_any_time_can_be_written(then: int) -> None:
    """Also one that no calendar has."""
    assert words.when(then, now=NOW, zone=ZoneInfo("Asia/Tokyo"))


def test_an_unknown_zone_is_utc() -> None:
    """A page is written in any case."""
    assert words.zone_named("Nowhere/At all") is UTC
    assert words.zone_named("../../etc/passwd") is UTC


def test_long_names_may_break() -> None:
    """Behind separators, escaped before."""
    assert words.breaks("a/b<c>_d") == "a/<wbr>b&lt;c&gt;_<wbr>d"


def test_counts_have_their_word() -> None:
    """One, many, and words in y."""
    assert [words.plural(n, w) for n, w in ((1, "run"), (0, "run"), (2000, "entry"), (2, "day"))] == [
        "1 run", "0 runs", "2\u202f000 entries", "2 days",
    ]  # fmt: skip
