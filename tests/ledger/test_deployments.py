"""deployments: what hosts say of the processes behind services."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.nouns.deployment import Deployment

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

PROD = Deployment(
    "service/delay@prod", None, state="ready", serving=3, url="http://127.0.0.1:4100", host="box:1", pids=(7, 8), restarts=2,
    message="slow", grpc="127.0.0.1:4101",
)  # fmt: skip


def test_the_newest_word_counts(hand: Hand) -> None:
    """What a host says replaces what was said before, carries its time, and is no event."""
    with hand.ledger.read() as tx:
        assert tx.deployments.find(PROJECT, PROD.ref) is None
        head = tx.feed.head(PROJECT)
    with hand.ledger.telemetry() as tx:
        tx.deployments.say(PROJECT, replace(PROD, state="starting", pids=(), serving=None))
        tx.deployments.say(PROJECT, PROD)
        now = tx.now
    with hand.ledger.read() as tx:
        assert tx.deployments.find(PROJECT, PROD.ref) == replace(PROD, seen_at=now)
        assert [one.ref for one in tx.deployments.list(PROJECT)] == [PROD.ref]
        assert tx.deployments.list("other") == []
        assert tx.feed.head(PROJECT) == head


def test_a_port_stays_whatever_is_said(hand: Hand) -> None:
    """A deployment keeps its port through all that happens to its processes."""
    with hand.ledger.telemetry() as tx:
        assert tx.deployments.port(PROJECT, PROD.ref) == 0
        tx.deployments.keep_port(PROJECT, PROD.ref, 4100)
        tx.deployments.keep_port(PROJECT, PROD.ref, 4101, "grpc")
        tx.deployments.say(PROJECT, PROD)
    with hand.ledger.read() as tx:
        assert tx.deployments.port(PROJECT, PROD.ref) == 4100
        assert tx.deployments.port(PROJECT, PROD.ref, "grpc") == 4101
        assert tx.deployments.ports() == {4100, 4101}
