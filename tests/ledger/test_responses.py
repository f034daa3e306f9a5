from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

KEY = bytes(range(32))


def put(
    hand: Hand, who: str, value: int, *, period: str = "2026-Q4", question: str = "delivery", key: bytes = KEY
) -> bool:
    """Say something."""
    with hand.ledger.telemetry() as tx:
        return tx.responses.put(PROJECT, question, period, who=who, value=value, chance=key)


def test_a_repeat_replaces(hand: Hand) -> None:
    """One answer for a person, a question and a period, whatever key comes along with it."""
    assert not put(hand, "person:ann", 2)
    assert put(hand, "person:ann", 5, key=b"another")
    assert not put(hand, "person:bob", 5)
    assert not put(hand, "person:ann", 1, question="focus")
    assert not put(hand, "person:ann", 1, period="2026-Q3")
    with hand.read() as tx:
        assert tx.responses.counts(PROJECT, ["2026-Q4"]) == [("delivery", "2026-Q4", 5, 2), ("focus", "2026-Q4", 1, 1)]
        assert tx.responses.counts("other", ["2026-Q4"]) == []


def test_a_row_has_no_name_and_no_time(hand: Hand) -> None:
    """Nor a hash that names could be tried against without the key; a person has another mark in each question and period."""
    for period in ("2026-Q3", "2026-Q4"):
        put(hand, "person:ann", 2, period=period)
        put(hand, "person:ann", 2, period=period, question="focus")
    with hand.read() as tx:
        rows = tx.rows.all("SELECT * FROM responses")
    marks = {row[3] for row in rows}
    assert len(marks) == 4
    assert not any("ann" in str(row) for row in rows)
    assert sha256(b"2026-Q4\ndelivery\nperson:ann").hexdigest() not in marks
    assert all(len(row) == 5 for row in rows)


def test_the_keys_of_what_is_over_are_thrown_away(hand: Hand) -> None:
    """From then on an old answer can neither be replaced nor traced; the counts stay."""
    put(hand, "person:ann", 2, period="2026-Q3")
    put(hand, "person:ann", 2)
    with hand.ledger.telemetry() as tx:
        tx.responses.forget(PROJECT, ("2026-Q4", "2026-11"))
        assert tx.rows.all("SELECT period FROM response_keys") == [("2026-Q4",)]
    with hand.read() as tx:
        assert len(tx.responses.counts(PROJECT, ["2026-Q3", "2026-Q4"])) == 2
    assert put(hand, "person:ann", 3)
