from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.ledger.traces import RUN, Doomed
from loopline.nouns.trace import Trace, TraceState

if TYPE_CHECKING:
    from .conftest import Hand


def kept(hand: Hand, name: str, *, project: str = "flights", time: int = 1_000, experiment: int = 1) -> Trace:
    """Write a trace down."""
    with hand.ledger.telemetry() as tx:
        held, there = tx.traces.hold(project, name, experiment=experiment, time=time)
        assert not there
        tx.traces.save(
            replace(held, state=TraceState.OK, told=True, tokens={"total_tokens": 3}, cost={"total_cost": 0.5})
        )
        return tx.traces.get(project, name)


def test_a_trace_is_kept_with_all_that_is_filed_under_it(hand: Hand) -> None:
    """Facts, tags and runs come back with it; facts and tags are replaced by newer ones, a link is made once."""
    made = kept(hand, "tr-1")
    with hand.ledger.telemetry() as tx:
        tx.traces.state(made.number, {"a": "1", "b": "x\ny"})
        tx.traces.state(made.number, {"a": "2"})
        tx.traces.link(made.number, RUN, ["r2", "r1"])
        tx.traces.link(made.number, RUN, ["r1"])
        tx.taggings.set(made.subject, {"team": "ops"})
        held, there = tx.traces.hold("flights", "tr-1", experiment=9, time=7)
    assert there
    assert (held.experiment, held.time, held.tokens, held.cost) == (1, 1_000, {"total_tokens": 3}, {"total_cost": 0.5})
    assert (held.facts, held.tags, held.runs) == ({"a": "2", "b": "x\ny"}, {"team": "ops"}, ("r1", "r2"))
    with hand.read() as tx:
        assert (
            tx.traces.of_run("flights", "r1"),
            tx.traces.of_run("other", "r1"),
            tx.traces.of_run("flights", "r"),
        ) == (1, 0, 0)


def test_two_projects_may_have_a_trace_of_the_same_id(hand: Hand) -> None:
    """Neither sees or changes the other's."""
    mine, theirs = kept(hand, "tr-1"), kept(hand, "tr-1", project="other")
    assert mine.number != theirs.number
    with hand.ledger.telemetry() as tx:
        tx.traces.delete(tx.traces.doomed("other", Doomed(1, ("tr-1",))))
        assert tx.traces.find("other", "tr-1") is None
        assert tx.traces.find("flights", "tr-1") == mine
        assert (tx.traces.count("flights"), tx.traces.count("other")) == (1, 0)


def test_what_shall_go_is_found_the_oldest_first(hand: Hand) -> None:
    """By ids, or up to a time and a number, and only in its experiment."""
    for number in range(4):
        kept(hand, f"tr-{number}", time=10 - number, experiment=1 + number // 3)
    with hand.read() as tx:

        def names(doomed: Doomed) -> list[str]:
            return [one.id for one in tx.traces.doomed("flights", doomed)]

        assert names(Doomed(1, until=100)) == ["tr-2", "tr-1", "tr-0"]
        assert names(Doomed(1, until=9, most=1)) == ["tr-2"]
        assert names(Doomed(1, ("tr-0", "tr-3", "tr-9"))) == ["tr-0"]
        assert names(Doomed(3, until=100)) == []


def test_deleting_leaves_nothing_behind(hand: Hand) -> None:
    """Not a fact, a link or a tag: a trace of the same id begins empty."""
    made = kept(hand, "tr-1")
    with hand.ledger.telemetry() as tx:
        tx.traces.state(made.number, {"a": "1"})
        tx.traces.link(made.number, RUN, ["r1"])
        tx.taggings.set(made.subject, {"team": "ops"})
        tx.traces.delete([made])
        for table in ("traces", "trace_facts", "trace_links", "taggings"):
            assert tx.rows.one(f"SELECT COUNT(*) FROM {table}") == (0,)
        with pytest.raises(NotFound) as caught:
            tx.traces.get("flights", "tr-1")
    assert caught.value.kind == "no-trace"


def test_many_are_read_in_the_order_of_their_ids_as_asked(hand: Hand) -> None:
    """However many, and those that are not there are left out."""
    for number in range(3):
        kept(hand, f"tr-{number}")
    asked = ["tr-2", "tr-x", "tr-0", *(f"no-{number}" for number in range(600)), "tr-1", "tr-2"]
    with hand.read() as tx:
        assert [one.id for one in tx.traces.several("flights", asked)] == ["tr-2", "tr-0", "tr-1"]
        assert tx.traces.newest() == 3
