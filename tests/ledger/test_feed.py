from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import NotFound
from loopline.ledger.feed import Feed
from loopline.ledger.schema import prepare
from loopline.nouns.event import GENESIS, hash_of
from tests.ledger.overheard import Overheard

if TYPE_CHECKING:
    from loopline.store.database import Database

    from .conftest import Hand

PROJECT = "flights"


def test_every_transaction_is_one_event(hand: Hand) -> None:
    """Three transactions give events 1, 2 and 3, each chained to the one before."""
    for kind in ("a", "b", "c"):
        with hand.write(kind):
            pass
    with hand.read() as tx:
        events = tx.feed.list(PROJECT)
    assert [(e.seq, e.kind) for e in events] == [(1, "a"), (2, "b"), (3, "c")]
    assert [e.previous for e in events] == [GENESIS, events[0].hash, events[1].hash]
    assert all(hash_of(e) == e.hash for e in events)


def test_a_transaction_that_raises_leaves_nothing(hand: Hand) -> None:
    """Neither the rows nor the event of a failed transaction are there, and no number is lost."""
    with pytest.raises(RuntimeError), hand.write() as tx:
        tx.projects.ensure("x")
        raise RuntimeError
    with hand.write():
        pass
    with hand.read() as tx:
        assert tx.projects.list() == []
        assert [e.seq for e in tx.feed.list(PROJECT)] == [1]


def test_a_transaction_must_say_what_happened(hand: Hand) -> None:
    """A write that says nothing is a mistake of the program and is rolled back."""
    from loopline.nouns.actor import Actor

    with pytest.raises(AssertionError), hand.ledger.write(PROJECT, Actor("person", "ann")) as tx:
        tx.projects.ensure("x")
    with hand.read() as tx:
        assert tx.projects.list() == []


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        ("UPDATE events SET actor = 'person:eve' WHERE seq = 2", 2),
        ("UPDATE events SET payload = '{\"a\":1}' WHERE seq = 2", 2),
        ("DELETE FROM events WHERE seq = 2", 2),
        ("DELETE FROM events WHERE seq = 3", 3),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE seq = 1", 1),
    ],
)
def test_verify_finds_every_tampering(hand: Hand, damage: str, where: int) -> None:
    """A changed envelope, a changed payload, a missing event in the middle or at the end: each is named by its number."""
    for _ in range(3):
        with hand.write():
            pass
    with hand.read() as tx:
        assert tx.feed.verify(PROJECT) is None
    with hand.database.write() as rows:
        rows.do(damage)
    with hand.read() as tx:
        broken = tx.feed.verify(PROJECT)
    assert broken is not None
    assert broken.seq == where


def test_an_erased_payload_leaves_the_chain_valid(hand: Hand) -> None:
    """Erasure removes what was said, not that it was said."""
    with hand.write() as tx:
        tx.say("secret", "subject", name="a person")
    with hand.write("erased") as tx:
        tx.feed.erase(PROJECT, 1)
        with pytest.raises(NotFound):
            tx.feed.erase(PROJECT, 99)
    with hand.read() as tx:
        assert tx.feed.list(PROJECT)[0].payload is None
        assert tx.feed.verify(PROJECT) is None


def test_projects_have_chains_of_their_own(hand: Hand) -> None:
    """Work in another project leaves no gap in this one."""
    from loopline.nouns.actor import Actor

    with hand.write():
        pass
    with hand.ledger.write("other", Actor("person", "bob")) as tx:
        tx.say("x", "y")
    with hand.write():
        pass
    with hand.read() as tx:
        assert [e.seq for e in tx.feed.iter(PROJECT)] == [1, 2]
        assert [e.seq for e in tx.feed.iter("other")] == [1]
        assert tx.feed.list(PROJECT, subject="test", after=1)[0].seq == 2


def test_events_are_searched(hand: Hand) -> None:
    """By kind, by a pattern of kinds, forwards and backwards, a few at a time, on both databases."""
    for kind in ("run.started", "change.proposed", "run.finished", "run.started"):
        with hand.write(kind):
            pass
    with hand.read() as tx:

        def told(**asked: Any) -> list[int]:
            return [event.seq for event in tx.feed.search(PROJECT, **asked)]

        assert told(kind="run.*") == [4, 3, 1]
        assert told(kind="run.*", limit=2) == [4, 3]
        assert told(kind="run.*", after=1) == [3, 4]
        assert told(kind="*ed", before=3) == [2, 1]
        assert told(kind="run.started") == [4, 1]
        assert told(kind="run_*") == told(kind="other.*") == told(subject="nothing") == []
        assert told(subject="test", actor="person:ann") == [4, 3, 2, 1]
        assert list(tx.feed.search("other", kind="*")) == []


@pytest.mark.parametrize("way", [{}, {"before": 2}, {"after": 0}])
def test_what_one_actor_did_is_found_by_an_index(file_database: Database, way: dict[str, Any]) -> None:
    """SQLite goes through the events of that actor alone, in their order, and through no others."""
    prepare(file_database)
    with file_database.read() as rows:
        overheard: Any = Overheard(rows)
        assert Feed(overheard).search(PROJECT, actor="person:ann", limit=50, **way) == []
        plan = overheard.plan()
    assert "events_actor" in plan
    assert "TEMP B-TREE" not in plan
