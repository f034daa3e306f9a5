"""Tokens of pages."""

from __future__ import annotations

import math
from base64 import urlsafe_b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.pages import place_of, size_fits, token_of

_VALUES = st.none() | st.text(max_size=9) | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)


@given(st.lists(st.tuples(st.integers(0, 2), _VALUES), max_size=4).map(tuple))
def test_a_token_holds_a_place(place: tuple[tuple[int, str | float | None], ...]) -> None:
    """Also infinities, and text of any kind."""
    assert place_of(token_of(place, ["runs", 1]), ["runs", 1]) == place


def test_no_token_is_no_place() -> None:
    """The first page is asked for without one."""
    assert place_of("", ["runs"]) is None
    assert place_of(token_of(((0, math.inf),), []), []) == ((0, math.inf),)


def test_a_token_of_another_search_is_refused() -> None:
    """It would go on at a place of another order."""
    with pytest.raises(Fault, match="belongs to another search"):
        place_of(token_of(((0, "a"),), ["runs", "a"]), ["runs", "b"])


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """Never anything else happens, whatever a client sends."""
    with suppress(Fault):
        assert place_of(text, []) is None


@pytest.mark.parametrize(
    "said", ["[]", "7", "[1,2,3]", '["x",7]', '["x",[1]]', '["x",[[0,{}]]]', "[" * 5000, '{"offset":3}']
)
def test_what_only_looks_like_a_token_is_refused(said: str) -> None:
    """Whatever JSON it holds."""
    with pytest.raises(Fault, match="Invalid page token"):
        place_of(urlsafe_b64encode(said.encode()).decode(), [])


@pytest.mark.parametrize("size", [0, -1, 50_001])
def test_a_page_has_a_size(size: int) -> None:
    """Of 1 to 50,000 things."""
    assert size_fits(50_000) == 50_000
    with pytest.raises(Fault, match="max_results"):
        size_fits(size)
