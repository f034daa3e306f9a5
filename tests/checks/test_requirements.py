"""requirements: the language of comparisons, and how mistakes in it are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.checks.requirements import MIN_ROWS, Comparison, parse_comparison
from loopline.errors import Invalid


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("roc_auc >= 0.7", ("roc_auc", ">=", 0, 0.7, "", MIN_ROWS, False)),
        ("roc_auc>=base-0.005", ("roc_auc", ">=", 1, -0.005, "", MIN_ROWS, False)),
        ("log_loss < base", ("log_loss", "<", 1, 0, "", MIN_ROWS, False)),
        ("latency_p95_ms <= base * 1.10", ("latency_p95_ms", "<=", 1.1, 0, "", MIN_ROWS, False)),
        ("log_loss <= base + 1e-3 confident", ("log_loss", "<=", 1, 0.001, "", MIN_ROWS, True)),
        ("r2 > -.5", ("r2", ">", 0, -0.5, "", MIN_ROWS, False)),
        ("slice(carrier).roc_auc >= 0.6", ("roc_auc", ">=", 0, 0.6, "carrier", MIN_ROWS, False)),
        ("  slice( origin , min = 50 ) . recall >= base  ", ("recall", ">=", 1, 0, "origin", 50, False)),
    ],
)
def test_lines_are_read(text: str, parsed: tuple[Any, ...]) -> None:
    """Each form of the language means what it says."""
    found = parse_comparison(text)
    metric, operator, factor, offset, column, rows, confident = parsed
    assert found == Comparison(text.strip(), metric, operator, factor, offset, column, rows, confident)


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("", 1, ""),
        ("roc_auk >= 0.7", 1, "roc_auc"),
        ("slice(carrier).log_los <= 1", 16, "log_loss"),
        ("roc_auc => 0.7", 9, ">="),
        ("roc_auc == 0.7", 9, ""),
        ("roc_auc >=", 11, ""),
        ("roc_auc >= best - 1", 12, ""),
        ("roc_auc >= base - ", 18, ""),
        ("roc_auc >= base % 3", 17, ""),
        ("roc_auc >= 0.7 confidant", 16, "confident"),
        ("roc_auc >= 0.7 0.8", 16, ""),
        ("slice(carrier) roc_auc >= 1", 16, ""),
        ("slice().roc_auc >= 1", 7, ""),
        ("slice(c, min=0).roc_auc >= 1", 14, ""),
        ("slice(c, max=3).roc_auc >= 1", 10, ""),
        ("base >= 1", 1, ""),
        ("roc_auc >= base * 0", 19, ""),
        ("roc_auc >= 1e999", 12, ""),
        ("x" * 501 + " > 1", 501, ""),
    ],
)
def test_mistakes_are_placed(text: str, position: int, hint: str) -> None:
    """A line that cannot be read is Invalid, with the character it stumbled over and a near word where there is one."""
    with pytest.raises(Invalid) as caught:
        parse_comparison(text)
    assert caught.value.facts["position"] == position
    assert hint in caught.value.hint


def test_a_check_may_measure_what_it_likes() -> None:
    """A metric that resembles no known one is accepted: checks bring their own."""
    assert parse_comparison("cost_per_1k <= 0.40").metric == "cost_per_1k"
    assert parse_comparison("recall_at_3 >= 0.40").metric == "recall_at_3"


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser fail in another way than Invalid."""
    try:
        position = len(parse_comparison(text).text)
    except Invalid as error:
        position = error.facts["position"]
    assert position >= 1
