from __future__ import annotations

import pytest

from loopline.nouns.quality import spelled


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1", "1"), ("1.0", "1"), (" 01 ", "1"), ("-0.0", "0"), ("1e2", "100"), ("True", "1"), ("false", "0"), ("0.5", "0.5"),
     ("late", "late"), ("nan", "nan"), ("1e999", "1e999"), ("", "")],
)  # fmt: skip
def test_a_class_is_spelled_in_one_way(text: str, wanted: str) -> None:
    """Numbers and truths are compared by what they mean, words by what they are."""
    assert spelled(text) == wanted
