from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict
from loopline.ledger.ledger import Ledger
from loopline.ledger.replies import LASTING, Reply
from loopline.ledger.schema import prepare
from loopline.wiring import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Hand

WHO = ("flights", "person:ann", "k1")


def test_a_key_is_answered_once(hand: Hand) -> None:
    """The first claim does the work; later ones get its reply, other actors and projects have keys of their own."""
    with hand.ledger.telemetry() as tables:
        assert tables.replies.claim(*WHO, request="a") is None
        tables.replies.keep(*WHO, Reply(200, '{"result":1}'))
    with hand.ledger.telemetry() as tables:
        assert tables.replies.claim(*WHO, request="a") == Reply(200, '{"result":1}')
        assert tables.replies.claim("flights", "person:bob", "k1", request="a") is None
        assert tables.replies.claim("other", "person:ann", "k1", request="a") is None


def test_a_key_is_for_one_request(hand: Hand) -> None:
    """The same key with another request is a conflict, and changes nothing."""
    with hand.ledger.telemetry() as tables:
        tables.replies.claim(*WHO, request="a")
        tables.replies.keep(*WHO, Reply(200, "1"))
    with pytest.raises(Conflict) as caught, hand.ledger.telemetry() as tables:
        tables.replies.claim(*WHO, request="b")
    assert caught.value.kind == "idempotency-key-reused"
    with hand.ledger.telemetry() as tables:
        assert tables.replies.claim(*WHO, request="a") == Reply(200, "1")


def test_a_claim_goes_with_its_transaction(hand: Hand) -> None:
    """Where the work failed, the key is free again: claim, effect and reply hold together or not at all."""
    with pytest.raises(ZeroDivisionError), hand.ledger.telemetry() as tables:
        tables.replies.claim(*WHO, request="a")
        tables.projects.ensure("x")
        raise ZeroDivisionError
    with hand.ledger.telemetry() as tables:
        assert tables.replies.claim(*WHO, request="b") is None
        assert tables.projects.list() == []


def test_old_replies_are_swept(hand: Hand) -> None:
    """A reply is kept for a day, then goes, and the key may be used again."""
    with hand.ledger.telemetry() as tables:
        tables.replies.claim(*WHO, request="a")
        tables.replies.keep(*WHO, Reply(200, "1"))
    hand.clock.advance(seconds=LASTING / 2e6)
    with hand.ledger.telemetry() as tables:
        tables.replies.claim("flights", "person:ann", "k2", request="a")
        assert tables.replies.sweep() == 0
    hand.clock.advance(seconds=LASTING / 2e6)
    with hand.ledger.telemetry() as tables:
        assert tables.replies.sweep(limit=1) == 1
        assert tables.replies.claim(*WHO, request="b") is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_whoever_comes_second_waits_for_the_reply(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Two threads with one key: one does the work, the other waits for its commit and gets the reply."""
    url = f"sqlite:///{tmp_path / 'l.db'}" if dialect == "sqlite" else request.getfixturevalue("postgres_ledger")
    database = open_database(url)
    prepare(database)
    from loopline.testing.clock import FakeClock

    ledger = Ledger(database, clock=FakeClock(step=1))
    claimed, go = threading.Event(), threading.Event()
    got: list[Reply | None] = []

    def first() -> None:
        with ledger.telemetry() as tables:
            assert tables.replies.claim(*WHO, request="a") is None
            claimed.set()
            go.wait(10)
            tables.replies.keep(*WHO, Reply(201, "made"))

    def second() -> None:
        claimed.wait(10)
        with ledger.telemetry() as tables:
            got.append(tables.replies.claim(*WHO, request="a"))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    claimed.wait(10)
    threads[1].join(0.2)
    assert got == []
    go.set()
    for thread in threads:
        thread.join(10)
    database.close()
    assert got == [Reply(201, "made")]
