"""Columns, ages, sizes and numbers as people read them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.cli.text import ago, aligned, clean, columns_of, cut, facts, moment, number, plural, size, span

SECOND = 1_000_000


@given(text=st.text())
def test_cleaned_text_is_printable(text: str) -> None:
    """Whatever comes in, nothing that a terminal acts upon comes out."""
    assert clean(text).isprintable()


@given(
    text=st.text(st.characters(categories=("L", "N", "P", "Z"), exclude_characters="\u2028\u2029")),
    width=st.integers(1, 30),
)
def test_cut_text_fits(text: str, width: int) -> None:
    """A shortened text has at most the columns that there are; one that fits is left alone."""
    short = cut(text, width)
    assert columns_of(short) <= width
    assert short == text or columns_of(text) > width


def test_wide_letters_take_two_columns() -> None:
    """Columns line up with Chinese names, accents and colours, too."""
    assert (columns_of("模型"), columns_of("e\u0301"), columns_of("\x1b[31mab\x1b[0m")) == (4, 1, 2)
    assert list(aligned([["模型", "a"], ["x", "b"]])) == ["模型  a", "x     b"]


@pytest.mark.parametrize("name", [" ", "a ", "", "a"])
@pytest.mark.parametrize("value", ["", " ", "\x1b[31mb \x1b[0m", "m "])
def test_a_line_ends_alike_with_colours_and_without(name: str, value: str) -> None:
    """Blanks at its end are left out, whether they have a colour or not."""
    dim = f"\x1b[2m{name}\x1b[0m" if name else name

    def bare(text: str) -> str:
        return text.replace("\x1b[2m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")

    for (plain,), (coloured,) in (
        (facts([(name, bare(value))]), facts([(dim, value)])),
        (aligned([(name, bare(value))]), aligned([(dim, value)])),
    ):
        assert bare(coloured) == plain
        assert plain == plain.rstrip()


def test_numbers_stand_right_and_the_last_column_is_cut() -> None:
    """Columns in `right` are filled in front; a long tail ends in an ellipsis."""
    assert list(aligned([["a", "1"], ["b", "100"]], right={1})) == ["a    1", "b  100"]
    assert list(aligned([["a", "long words here"]], width=13)) == ["a  long word…"]


def test_facts_indent_their_further_lines() -> None:
    """A value of several lines stays in its column."""
    assert list(facts([("a", "1\n2"), ("long", "3")])) == ["a     1", "      2", "long  3"]


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (400_000, "400 ms"),
        (12.3 * SECOND, "12.3 s"),
        (200 * SECOND, "3 min 20 s"),
        (3600 * SECOND, "1 h"),
        (99 * 3600 * SECOND, "4 d 3 h"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
    ],
)
def test_spans(micros: float, text: str) -> None:
    """A length of time has two parts at most."""
    assert span(micros) == text


def test_ages_look_both_ways() -> None:
    """The past is ago, the future is in, less than a second is now."""
    now = 1_800_000_000 * SECOND
    assert ago(now - 200 * SECOND, now) == "3 min ago"
    assert ago(now + 7200 * SECOND, now) == "in 2 h"
    assert ago(now - 10, now) == "just now"


def test_moments_have_a_zone() -> None:
    """A time is written in UTC with Z, or in the project's zone with its offset; an absurd one does not crash."""
    assert moment(1_767_348_245 * SECOND) == "2026-01-02 10:04:05Z"
    assert moment(1_767_348_245 * SECOND, ZoneInfo("America/New_York")) == "2026-01-02 05:04:05-0500"
    assert moment(10**30) == f"{10**30} us"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 30, "1.0 GiB"), (1 << 60, "1048576.0 TiB")],
)
def test_sizes(count: int, text: str) -> None:
    """Bytes go in steps of 1024."""
    assert size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (336776, "336 776"),
        (0.71234, "0.7123"),
        (1e-7, "1e-07"),
        (2.0, "2"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Metrics have four digits that mean something, whole numbers are whole."""
    assert number(value) == text


def test_plurals() -> None:
    """One is singular, entries end in ies."""
    assert (plural(1, "entry"), plural(2, "entry"), plural(0, "version")) == ("1 entry", "2 entries", "0 versions")
