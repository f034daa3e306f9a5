"""Records are whole or not there."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.sdk.records import number_of, read_records, whole, write_record, written

bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.tuples(st.sampled_from(["points", "tags"]), st.integers(0, 2**60), bodies), max_size=5))
def test_what_was_written_is_read(written_ones: list[tuple[str, int, Any]]) -> None:
    """Records come back equal and in order, each with the offset behind it."""
    data = b"".join(write_record(*one) for one in written_ones)
    found = list(read_records(data, 100))
    assert [(one.kind, one.time, one.body) for one in found] == written_ones
    assert [one.end for one in found] == sorted({one.end for one in found})
    assert not found or found[-1].end == 100 + len(data)


@given(st.integers(0, 200), bodies)
def test_a_torn_record_spoils_only_itself(cut: int, body: Any) -> None:
    """Wherever a record is cut, those before and behind it are read."""
    first, torn, last = write_record("a", 1, 1), write_record("b", 2, body), write_record("c", 3, 3)
    found = [one.kind for one in read_records(first + torn[: min(cut, len(torn) - 2)] + last)]
    assert found == ["a", "c"]


def test_a_tail_is_left_for_later() -> None:
    """What does not end with a line break is no finished line."""
    data = write_record("a", 1, 1)
    assert whole(data + b"\n1234") == len(data) + 1
    assert [one.kind for one in read_records(data + b"\n1234")] == ["a"]


@pytest.mark.parametrize(
    "junk", [b"\nzzzzzzzz [1]\n", b"\n00000000 [1]\n", b"\n" + b"\0" * 50 + b"\n", b"\n\xff\xfe\n"]
)
def test_junk_is_no_record(junk: bytes) -> None:
    """Bytes without a right checksum are passed over."""
    assert [one.kind for one in read_records(junk + write_record("a", 1, 1) + junk)] == ["a"]


@pytest.mark.parametrize("number", [0.1, -0.0, 1e308, math.inf, -math.inf])
def test_numbers_survive(number: float) -> None:
    """Numbers that JSON lacks are written as text."""
    (found,) = read_records(write_record("points", 0, [written(number)]))
    assert number_of(found.body[0]) == number


def test_not_a_number_survives() -> None:
    """NaN is a value of a metric like any other."""
    (found,) = read_records(write_record("points", 0, [written(math.nan)]))
    assert math.isnan(number_of(found.body[0]))
