"""The beginning of what came into a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.mlflow.previewing import LONGEST, preview

HI = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
]


@pytest.mark.parametrize(
    ("value", "role", "text"),
    [
        (None, "user", None),
        ("plain", "user", "plain"),
        ({"x": "é"}, "user", '{"x": "é"}'),
        ({"messages": HI}, "user", "hi"),
        (json.dumps({"messages": HI}), "assistant", "hello"),
        ({"messages": HI}, "tool", "hello"),
        ({"input": HI}, "user", "hi"),
        ({"choices": [{"message": HI[2]}]}, "assistant", "hello"),
        ({"request": {"input": HI}}, "user", "hi"),
        (
            {"output": [{"role": "assistant", "content": [{"type": "output_text", "text": "part"}]}]},
            "assistant",
            "part",
        ),
        (
            [{"role": "user", "parts": [{"type": "text", "content": "as OpenTelemetry has it"}]}],
            "user",
            "as OpenTelemetry has it",
        ),
        ({"messages": []}, "user", '{"messages": []}'),
        ({"choices": [7]}, "user", '{"choices": [7]}'),
        ("a\0b", "user", "a\ufffdb"),
        ({"messages": [{"role": "user", "content": ""}]}, "user", '{"messages": [{"role": "user", "content": ""}]}'),
    ],
)
def test_of_a_conversation_the_last_word_is_shown(value: Any, role: str, text: str | None) -> None:
    """As the usual APIs have conversations; anything else is shown as it is."""
    assert preview(value, role) == text


def test_it_is_cut() -> None:
    """To as many characters as MLflow keeps."""
    assert preview("x" * 5_000, "user") == "x" * (LONGEST - 3) + "..."
    nested: Any = {}
    for _ in range(50):
        nested = {"request": nested}
    assert preview(nested, "user")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from([
                    "messages",
                    "input",
                    "role",
                    "content",
                    "choices",
                    "message",
                    "parts",
                    "text",
                    "request",
                ]),
                inner,
            )
        ),
    )
)
def test_anything_has_a_beginning(value: Any) -> None:
    """However strange what a program calls a conversation."""
    for said in (value, json.dumps(value)):
        found = preview(said, "user")
        assert found is None or len(found) <= LONGEST
