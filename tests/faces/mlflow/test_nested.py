"""JSON that stands in a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.mlflow.nested import nested


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"\\ud800"', "\ufffd"), ('"a\\u0000b"', "a\ufffdb"), ('{"\\uDFFF": ["\\udc00x", 1]}', {"\ufffd": ["\ufffdx", 1]}),
        ('"\\ud83d\\ude00"', "\U0001f600"), ('"\\\\ud800"', "\\ud800"), ('"\\ud83d\\ude00\\ud83d"', "\U0001f600\ufffd"),
    ],
)  # fmt: skip
def test_what_no_database_keeps_is_replaced(text: str, said: Any) -> None:
    """Whole pairs, and what only looks like an escape, stay."""
    assert nested(text) == said


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 100_000, "9" * 5_000, '"\\u0000' + "[" * 5_000])
def test_what_is_no_json_is_told_in_one_way(text: str) -> None:
    """However it fails."""
    with pytest.raises(ValueError):  # noqa: PT011 (its words are those of the json library)
        nested(text)


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_was_written_can_be_kept(value: Any) -> None:
    """As UTF-8 and without NUL."""
    said = nested(json.dumps(value))
    assert "\0" not in json.dumps(said, ensure_ascii=False).encode().decode()
