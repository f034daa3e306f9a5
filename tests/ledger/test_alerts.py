from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.ledger.alerts import speaks_of
from loopline.nouns.alert import Alert, Silence

if TYPE_CHECKING:
    from .conftest import Hand

SERVICE = "service/delay@prod"


def alert(hand: Hand, monitor: str = "features", **fields: object) -> Alert:
    """Make an alert that is not written down yet."""
    made = Alert(hand.ids.new(), "flights", SERVICE, monitor, "drift", "high", "temp moved", 0, 77, "c1", {"D": 0.31})
    return replace(made, **fields)  # type: ignore[arg-type]


def silence(hand: Hand, match: str, *, until: int) -> Silence:
    """Make a silence."""
    return Silence(hand.ids.new(), "flights", match, until, "known", "person:ann", 0)


def test_an_alert_is_opened_seen_and_resolved(hand: Hand) -> None:
    """What was measured is kept and renewed, who has seen it first stays, and the first end counts."""
    with hand.write() as tx:
        opened = tx.alerts.open(alert(hand))
        assert tx.alerts.standing("flights", SERVICE, "features") == opened
        assert opened == tx.alerts.get("flights", opened.id[:31])
        assert (opened.opened_at, opened.updated_at, opened.facts, opened.silenced) == (
            tx.now,
            tx.now,
            {"D": 0.31},
            False,
        )
    with hand.write() as tx:
        renewed = tx.alerts.update(opened, summary="wind too", facts={"D": 0.4})
        assert (renewed.summary, renewed.facts, renewed.updated_at) == ("wind too", {"D": 0.4}, tx.now)
        seen = tx.alerts.acknowledge(renewed, "person:ann")
    with hand.write() as tx:
        assert tx.alerts.acknowledge(seen, "person:bob").acknowledged_by == "person:ann"
        over = tx.alerts.resolve(seen)
    with hand.write() as tx:
        assert tx.alerts.resolve(over).resolved_at == over.resolved_at
        assert tx.alerts.update(over, summary="late", facts={}).summary == "wind too"
        assert tx.alerts.standing("flights", SERVICE, "features") is None
        assert [one.id for one in tx.alerts.about("c1")] == [opened.id]


def test_a_monitor_has_at_most_one_open_alert(hand: Hand) -> None:
    """A second one is refused while the first is open, by the collection and by the database itself."""
    with hand.write() as tx:
        first = tx.alerts.open(alert(hand))
        with pytest.raises(Conflict) as caught:
            tx.alerts.open(alert(hand))
        assert caught.value.kind == "alert-open"
        tx.alerts.open(alert(hand, service="service/delay@staging"))
        tx.alerts.resolve(first)
        tx.alerts.open(alert(hand))
    with pytest.raises(Exception, match=r"(?i)unique"), hand.write() as tx:
        tx.rows.do("UPDATE alerts SET resolved_at = NULL WHERE id = ?", first.id)


def test_alerts_are_listed_newest_first(hand: Hand) -> None:
    """By service, the open ones, a page at a time; another project has none of them."""
    with hand.write() as tx:
        made = [tx.alerts.open(alert(hand, monitor=name)) for name in ("a", "b", "c")]
        tx.alerts.resolve(made[1])
    with hand.read() as tx:
        ids = [one.id for one in reversed(made)]
        assert [one.id for one in tx.alerts.list("flights")] == ids
        assert [one.id for one in tx.alerts.list("flights", open_only=True)] == [ids[0], ids[2]]
        assert [one.id for one in tx.alerts.list("flights", limit=1, after=ids[0])] == [ids[1]]
        assert tx.alerts.list("flights", service="service/other@prod") == []
        assert tx.alerts.list("trains") == []
        with pytest.raises(NotFound):
            tx.alerts.get("trains", ids[0])
        with pytest.raises(Conflict):
            tx.alerts.get("flights", ids[0][:20])
        with pytest.raises(NotFound):
            tx.alerts.get("flights", "")


def test_a_silence_marks_alerts_that_are_open_and_that_come(hand: Hand) -> None:
    """Only those that its glob is about, only as long as it holds, and only in its project."""
    with hand.write() as tx:
        before, other = tx.alerts.open(alert(hand)), tx.alerts.open(alert(hand, monitor="latency"))
        made = tx.alerts.silence(silence(hand, "service/*/features", until=tx.now + 1_000))
        assert made.created_at == tx.now
        assert tx.alerts.get("flights", before.id).silenced
        assert not tx.alerts.get("flights", other.id).silenced
        tx.alerts.resolve(before)
        again = tx.alerts.open(alert(hand))
        assert again.silenced
        tx.alerts.resolve(again)
        assert not tx.alerts.open(alert(hand, project="trains")).silenced
        assert tx.alerts.unsilence("flights", "service/*/features") == 1
        assert tx.alerts.silences("flights") == []
        assert not tx.alerts.open(alert(hand)).silenced
    with hand.write() as tx:
        tx.alerts.silence(silence(hand, "*", until=tx.now - 1))
        assert tx.alerts.silence_of("flights", SERVICE, "features") is None


def test_a_glob_may_name_the_service_alone() -> None:
    """`service/delay@prod` is about all of its monitors; a longer name is not about a shorter one."""
    whole = Silence("s", "flights", SERVICE, 0, "", "", 0)
    assert speaks_of(whole, SERVICE, "latency")
    assert not speaks_of(whole, "service/delay@staging", "latency")
    assert speaks_of(replace(whole, match="service/delay@*/lat*"), SERVICE, "latency")
    assert not speaks_of(replace(whole, match="service/delay@*/lat*"), SERVICE, "features")
