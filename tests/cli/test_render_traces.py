"""Traces in a terminal: a line each, and one as a tree of its spans."""

from __future__ import annotations

from loopline.nouns.feedback import Feedback
from loopline.nouns.trace import Span, Trace, TraceState, WholeTrace
from tests.cli.test_render import drawn

MS = 1_000_000
TRACE = Trace(
    "tr-1",
    "flights",
    1,
    name="ask\x1b[2J",
    state=TraceState.FAILED,
    time=1_000,
    duration=1_500_000,
    request="in\x1b",
    session="s",
    tokens={"total_tokens": 7},
    spans=2,
)
SPANS = (
    Span("1" * 16, "root", 0, 1_500 * MS, kind="AGENT", state=TraceState.OK),
    Span("2" * 16, "tool", 0, None, "1" * 16, kind="TOOL\x1b"),
)
WORDS = (Feedback("a-1", "tr-1", "feedback", "good", {"x": "\x1b"}, source="ann", valid=False),)


def test_a_line_says_how_it_went() -> None:
    """State, how long, how many spans, and the name, which does nothing to the terminal."""
    line = drawn((TRACE,))
    for words in ("tr-1", "failed", "1.5 s", "2 spans", r"ask\x1b[2J"):
        assert words in line
    assert "\x1b" not in line


def test_one_is_a_tree() -> None:
    """Each span under the one that it is inside of, then what was said."""
    text = drawn(WholeTrace(TRACE, SPANS, WORDS))
    for words in ("root", "  tool", "AGENT", "total_tokens 7", "session s", "feedback good", "by ann", "overridden"):
        assert words in text, text
    assert "\x1b" not in text


def test_many_spans_are_counted() -> None:
    """And not all drawn, however deep."""
    spans = tuple(Span(f"{at:016x}", "x", at, at, f"{at - 1:016x}" if at else None) for at in range(700))
    assert "and 200 more spans" in drawn(WholeTrace(TRACE, spans))
