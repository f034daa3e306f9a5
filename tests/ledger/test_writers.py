"""Who may hold bytes that no row names yet, and since which epoch."""

from __future__ import annotations

import pytest

from loopline.errors import Conflict

from .conftest import Hand


def test_a_writer_that_beats_is_not_given_up(hand: Hand) -> None:
    """Of those that were seen, the silent ones are struck off, and told so at their next commit."""
    with hand.ledger.telemetry() as tables:
        tables.writers.begin("alive", "here 1")
        tables.writers.begin("dead", "here 2")
        seen = tables.writers.before(1)
        assert [(one.id, one.began, one.place) for one in seen] == [("alive", 0, "here 1"), ("dead", 0, "here 2")]
    with hand.write() as tx:
        tx.writers.hold("alive")
    with hand.ledger.telemetry() as tables:
        assert [one.id for one in tables.writers.give_up(seen)] == ["alive"]
    with pytest.raises(Conflict) as caught, hand.write() as tx:
        tx.writers.hold("dead")
    assert caught.value.kind == "writer-lapsed"
    with hand.ledger.telemetry() as tables:
        tables.writers.end("alive")
        assert not tables.writers.beat("alive")
        assert tables.writers.give_up(seen) == []


def test_epochs_tell_who_came_before(hand: Hand) -> None:
    """A writer that came before a reclaim began, while it moved, or after its last move is told from the others."""
    with hand.ledger.telemetry() as tables:
        tables.writers.begin("first", "")
        one = tables.reclaims.open("here")
        tables.writers.begin("second", "")
        tables.reclaims.close(one.number)
        tables.writers.begin("third", "")
        (closed,) = tables.reclaims.list()
        assert closed.closed is not None
        assert [w.id for w in tables.writers.before(one.opened)] == ["first"]
        assert [w.id for w in tables.writers.before(closed.closed)] == ["first", "second"]
