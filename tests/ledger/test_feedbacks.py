from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.nouns.feedback import Feedback

if TYPE_CHECKING:
    from .conftest import Hand


def trace(hand: Hand, name: str = "tr-1") -> int:
    """Begin a trace, and give its number."""
    with hand.ledger.telemetry() as tx:
        return tx.traces.hold("flights", name, experiment=1, time=1)[0].number


@pytest.mark.parametrize("value", [True, 0.5, 3, "yes", None, [1, "é"], {"a": {"b": None}}])
def test_what_was_said_comes_back(hand: Hand, value: Any) -> None:
    """With a value of any kind that JSON has."""
    said = Feedback(
        "a-1", "tr-1", "feedback", "correct", value, {"error_code": "E"}, "HUMAN", "ann", "because", {"k": "v"}, "s", "r", "a-0",
        valid=False, created_at=5, updated_at=6,
    )  # fmt: skip
    number = trace(hand)
    with hand.ledger.telemetry() as tx:
        tx.feedbacks.put(number, [said])
        assert tx.feedbacks.find(number, "a-1") == said
        assert tx.feedbacks.of_all([number, 77]) == {number: [said]}
        assert tx.feedbacks.find(number, "a-2") is None
        assert tx.feedbacks.find(77, "a-1") is None


def test_a_word_is_replaced_overridden_and_taken_back(hand: Hand) -> None:
    """Each of one trace only."""
    one, two = trace(hand, "tr-1"), trace(hand, "tr-2")
    with hand.ledger.telemetry() as tx:
        for number in (one, two):
            tx.feedbacks.put(
                number,
                [Feedback("a-1", "tr", "feedback", "x", 1, created_at=2), Feedback("a-0", "tr", "expectation", "y")],
            )
        tx.feedbacks.put(one, [Feedback("a-1", "tr", "feedback", "x", 2)])
        assert tx.feedbacks.value(one, "a-1", valid=False)
        assert not tx.feedbacks.value(one, "a-9", valid=False)
        found = tx.feedbacks.of_all([one, two])
        assert [(word.id, word.value, word.valid) for word in found[one]] == [("a-0", None, True), ("a-1", 2, False)]
        assert [(word.id, word.value, word.valid) for word in found[two]] == [("a-0", None, True), ("a-1", 1, True)]
        tx.feedbacks.drop(one, "a-1")
        tx.feedbacks.clear([two])
        assert [word.id for word in tx.feedbacks.of_all([one, two])[one]] == ["a-0"]
        assert two not in tx.feedbacks.of_all([one, two])
