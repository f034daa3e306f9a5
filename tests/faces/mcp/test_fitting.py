"""Answers have a size, and say what they lack."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.faces.mcp.fitting import LIMIT, PLACES, Left, fit, gathered, size

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.text(max_size=5), inner, max_size=60),
    max_leaves=80,
)


def test_what_has_room_stays_as_it_is() -> None:
    """Nothing is cut that need not be."""
    value = {"runs": [{"id": "1", "tags": {"a": "b"}}], "at": None}
    assert fit(value) == (value, ())


def test_a_long_list_says_how_much_of_it_is_there() -> None:
    """A list is cut at its end, and the place and both counts are told."""
    found, left = fit({"runs": [{"name": "x" * 300}] * 1000})
    assert left[0].where == "result.runs"
    assert (len(found["runs"]), left[0].of) == (left[0].kept, 1000)
    assert size(found) <= LIMIT


@pytest.mark.parametrize(
    "value", [{"log": "x" * 100_000}, {f"k{n}": "y" * 50 for n in range(5000)}, [[[["z" * 900] * 9] * 9] * 9] * 9]
)
def test_anything_large_is_cut(value: object) -> None:
    """Long texts, mappings of many keys and deep trees have room, each with what is left out."""
    found, left = fit(value)
    assert size(found) <= LIMIT
    assert left
    assert found is not None


def test_what_is_left_out_is_told_in_a_few_lines() -> None:
    """Equal places of many items are one, the outermost come first, and beyond the first few only a number is told."""
    left = [Left(f"result.runs[{n}].tags", 1, 5) for n in range(100)] + [Left("result.runs", 6, 100)]
    assert gathered(left) == (Left("result.runs", 6, 100), Left("result.runs[].tags", 100, 500))
    many = gathered(Left(f"result.{n}", 0, 1) for n in range(500))
    assert (len(many), many[-1]) == (PLACES + 1, Left("further places", 0, 500 - PLACES))


def test_what_cannot_be_cut_is_left_out_whole() -> None:
    """Where even the smallest form is too large there is nothing, and the size that there was."""
    value = {"a": 1, "b": 2}
    assert fit(value, limit=5) == (None, (Left("result", 0, size(value)),))


@settings(max_examples=30)
@given(VALUES, st.integers(min_value=50, max_value=2000))
def test_every_answer_has_room(value: object, limit: int) -> None:
    """Whatever the value, the answer is no larger than it may be, and whole where it says nothing was left out."""
    found, left = fit(value, limit=limit)
    assert size(found) <= limit
    assert left or found == value


def test_a_short_list_of_plain_values_is_never_cut() -> None:
    """Two ends of an interval are a pair: its length is its type."""
    found, _ = fit([{"interval": [0.1, 0.2], "text": "x" * 500}] * 500)
    assert {len(one["interval"]) for one in found} == {2}


def test_a_token_in_a_log_is_cut() -> None:
    """What looks like a token of ours loses its secret, wherever it stands."""
    secret = "A" * 43
    found, _ = fit({"log": f"export TOKEN=ll_{'a' * 12}_{secret} now", f"ll_{'b' * 12}_{secret}": 1})
    assert secret not in str(found)
    assert "ll_aaaaaaaaaaaa_…" in found["log"]
