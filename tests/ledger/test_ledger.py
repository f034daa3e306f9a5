from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from loopline.ledger.ledger import Ledger
from loopline.nouns.actor import Actor
from loopline.testing.clock import FakeClock
from loopline.wiring import open_database

if TYPE_CHECKING:
    from .conftest import Hand


def test_a_dry_run_applies_every_rule_and_changes_nothing(hand: Hand) -> None:
    """What would be refused is refused; what would be done is undone."""
    dry = Ledger(hand.database, clock=hand.clock, dry=True)
    with dry.write("flights", Actor("person", "ann")) as tx:
        tx.projects.ensure("x")
        tx.say("a", "b")
        assert tx.projects.list() == ["x"]
    with dry.telemetry() as tables:
        tables.projects.ensure("y")
    with pytest.raises(AssertionError), dry.write("flights", Actor("person", "ann")):
        pass
    with hand.read() as tables:
        assert tables.projects.list() == []
        assert tables.feed.head("flights").seq == 0


def test_a_reader_sees_one_moment(hand: Hand) -> None:
    """Everything a transaction records carries the time at which it began, and the number its event will have."""
    with hand.write() as tx:
        assert tx.seq == 1
        hand.clock.advance(seconds=9)
        tx.projects.ensure("x")
    with hand.read() as tables:
        event = tables.feed.list("flights")[0]
        assert event.seq == 1
        assert event.recorded_at < hand.clock.time - 8_000_000


def test_telemetry_is_no_event(hand: Hand) -> None:
    """Metric points are durable, but the feed does not tell them."""
    with hand.ledger.telemetry() as tables:
        tables.projects.ensure("x")
    with hand.read() as tables:
        assert tables.projects.list() == ["x"]
        assert tables.feed.head("flights").seq == 0


def test_works_that_are_done_together_are_undone_alone(hand: Hand) -> None:
    """What one has written before it raises is gone, those around it are there, each sees those before it."""

    def say(subject: str) -> int:
        with hand.ledger.write("p", Actor("person", "ann")) as tx:
            tx.say("test", subject)
            if subject == "wrong":
                raise KeyError(subject)
            return tx.seq

    said = [lambda subject=subject: say(subject) for subject in ("a", "wrong", "b")]
    first, second, third = hand.ledger.together(said)
    assert (first, third) == (1, 2)
    assert isinstance(second, KeyError)
    (alone,) = hand.ledger.together([lambda: say("wrong")])
    assert isinstance(alone, KeyError)
    with hand.read() as tx:
        assert [event.subject for event in tx.feed.list("p")] == ["a", "b"]
        assert tx.feed.verify("p") is None


def test_works_of_two_processes_that_wait_for_each_other_are_done(postgres_ledger: str) -> None:
    """PostgreSQL ends one of them, whose writer has done nothing wrong: it is done again when the others are written."""
    ledgers = [Ledger(open_database(postgres_ledger), clock=FakeClock()) for _ in range(2)]
    both, done = threading.Barrier(2, timeout=10), dict[int, object]()

    def log(ledger: Ledger, run: str, barrier: threading.Barrier | None = None) -> str:
        with ledger.telemetry() as tx:
            tx.metrics.extend(run, {"loss": [(2, 2, 1.0)]})
        if barrier:
            barrier.wait()
        return run

    def together(number: int, first: str, second: str) -> None:
        ledger = ledgers[number]
        done[number] = ledger.together([partial(log, ledger, first, both), partial(log, ledger, second)])

    with ledgers[0].telemetry() as tx:
        for run in "ab":
            tx.metrics.extend(run, {"loss": [(1, 1, 1.0)]})
    threads = [threading.Thread(target=together, args=said) for said in ((0, "a", "b"), (1, "b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == {0: ["a", "b"], 1: ["b", "a"]}
    with ledgers[0].read() as tables:
        assert tables.metrics.counts("ab") == {"a": {"loss": 3}, "b": {"loss": 3}}
    for ledger in ledgers:
        ledger.close()
