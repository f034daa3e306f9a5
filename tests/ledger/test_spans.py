from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.trace import Happening, Pointing, Span, TraceState

if TYPE_CHECKING:
    from .conftest import Hand

FULL = Span(
    "a" * 16, "é 漢 \u202e", 5, 9, "b" * 16, "LLM", TraceState.FAILED, "broken",
    {"i": 3, "f": 1.0, "b": True, "n": None, "l": [1, "x", [2.5]], "d": {"k": {"z": []}}, "s": "a\nb"},
    (Happening("exception", 7, {"m": "x"}),), (Pointing("c" * 32, "d" * 16, {"why": 1}),), {"total_tokens": 3},
    {"total_cost": 0.1}, "gpt",
)  # fmt: skip


def test_a_span_comes_back_as_it_was(hand: Hand) -> None:
    """With the types of its values: 1.0 stays a real number, true stays true."""
    bare = Span("e" * 16, "", 1)
    with hand.ledger.telemetry() as tx:
        tx.spans.put(1, [FULL, bare])
    with hand.read() as tx:
        assert tx.spans.of(1) == [bare, FULL]
        found = tx.spans.of(1)[1].attributes
        assert [type(found[key]) for key in "ifbn"] == [int, float, bool, type(None)]
        assert tx.spans.of(2) == []


def test_a_span_that_is_told_again_replaces_itself(hand: Hand) -> None:
    """A client that tries again makes no second one."""
    with hand.ledger.telemetry() as tx:
        tx.spans.put(1, [Span("a" * 16, "first", 1), FULL, FULL])
        tx.spans.put(2, [FULL])
    with hand.read() as tx:
        assert tx.spans.of(1) == [FULL]
        assert (tx.spans.count(1), tx.spans.models([1, 2])) == (1, ["gpt"])
        assert tx.spans.measured(1) == [(FULL.id, FULL.parent, FULL.tokens, FULL.cost)]


def test_roots_come_first_then_by_time(hand: Hand) -> None:
    """Whatever the order in which they came in."""
    several = [
        Span("3" * 16, "late", 9, parent="1" * 16),
        Span("2" * 16, "early", 2, parent="1" * 16),
        Span("1" * 16, "root", 5),
    ]
    with hand.ledger.telemetry() as tx:
        tx.spans.put(1, several)
        tx.spans.put(7, several)
        assert [one.name for one in tx.spans.of(1)] == ["root", "early", "late"]
        assert set(tx.spans.of_all([1, 7, 8])) == {1, 7}
        tx.spans.drop([1])
        assert (tx.spans.count(1), tx.spans.count(7)) == (0, 3)
