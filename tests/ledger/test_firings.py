from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict
from loopline.nouns.firing import Firing, Mark

if TYPE_CHECKING:
    from .conftest import Hand


def firing(hand: Hand, cause: str = "alert:1", **fields: object) -> Firing:
    """Make a firing that is not written down yet."""
    made = Firing(hand.ids.new(), "flights", "retrain", cause, "features moved", "running", chain=("fresh", "retrain"))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_trigger_meets_a_cause_once(hand: Hand) -> None:
    """The second firing of one cause is refused, whoever writes it; another trigger and another project may meet it."""
    with hand.write() as tx:
        first = tx.firings.add(firing(hand, task="t1"))
        assert tx.firings.met("flights", "retrain", "alert:1")
        assert not tx.firings.met("flights", "other", "alert:1")
    with pytest.raises(Conflict) as caught, hand.write() as tx:
        tx.firings.add(firing(hand))
    assert caught.value.kind == "fired-already"
    with hand.write() as tx:
        tx.firings.add(firing(hand, trigger="other"))
        tx.firings.add(firing(hand, project="trains"))
    with hand.read() as tx:
        assert tx.firings.of_task("t1") == first
        assert tx.firings.of_task("") is None
        assert [one.project for one in tx.firings.list("flights")] == ["flights", "flights"]
        assert [one.trigger for one in tx.firings.list("flights", trigger="retrain")] == ["retrain"]


def test_a_firing_goes_on_from_where_it_was_seen(hand: Hand) -> None:
    """Of two who bring it on only one gets on; what is over is not among the unfinished."""
    with hand.write() as tx:
        one = tx.firings.add(firing(hand))
        over = tx.firings.add(firing(hand, "alert:2", state="failed", error="no code"))
        assert over.ended_at == tx.now
        assert [each.id for each in tx.firings.unfinished("flights")] == [one.id]
    with hand.write() as tx:
        done = tx.firings.move(one, "done", run="r1", change="c1")
        assert (done.state, done.run, done.change, done.ended_at) == ("done", "r1", "c1", tx.now)
        assert tx.firings.of_change("c1") == done
        assert not tx.firings.unfinished("flights")
    with pytest.raises(Conflict) as caught, hand.write() as tx:
        tx.firings.move(one, "failed")
    assert caught.value.kind == "firing-moved"


def test_firings_are_counted_up_to_now(hand: Hand) -> None:
    """What a clock that was wrong has put into the future does not count against what comes meanwhile."""
    with hand.write() as tx:
        tx.firings.add(firing(hand))
        began = tx.now
    hand.clock.advance(seconds=3600)
    with hand.write() as tx:
        tx.firings.add(firing(hand, "alert:2"))
        assert tx.firings.since("flights", "retrain", began - 1) == 2
        assert tx.firings.since("flights", "retrain", began) == 1
    hand.clock.set(began + 10)
    with hand.read() as tx:
        assert tx.firings.since("flights", "retrain", began - 1) == 1


def test_a_mark_says_how_far_a_trigger_has_looked(hand: Hand) -> None:
    """It moves, counts what was held until the next firing, and is struck off with its trigger."""
    with hand.write() as tx:
        tx.firings.mark("flights", Mark("retrain", "d1", 3, 100))
        assert [tx.firings.hold("flights", "retrain", "at most 1/1d") for _ in range(2)] == [1, 2]
        tx.firings.mark("flights", Mark("retrain", "d1", 7, 200))
        assert tx.firings.marks("flights") == {"retrain": Mark("retrain", "d1", 7, 200, 2, "at most 1/1d")}
        tx.firings.add(firing(hand))
        assert tx.firings.marks("flights") == {"retrain": Mark("retrain", "d1", 7, 200)}
        tx.firings.forget("flights", ["retrain"])
        assert tx.firings.marks("flights") == {}
        assert tx.firings.hold("flights", "retrain", "gone") == 0


def test_moves_of_a_project_are_found_by_event_and_by_time(hand: Hand) -> None:
    """Behind an event, or between two times: what was expected is looked for so."""
    hand.publish(b"one", b"two")
    first, second = hand.move(1), hand.move(2)
    with hand.read() as tx:
        moves = tx.changes.moved("flights")
        assert [(str(one.ref), one.change, one.new) for one in moves] == [
            ("model/delay@champion", first.id, 1),
            ("model/delay@champion", second.id, 2),
        ]
        assert [one.new for one in tx.changes.moved("flights", after=moves[0].seq)] == [2]
        since = moves[0].at
        assert [one.new for one in tx.changes.moved("flights", between=(since, 2**62))] == [2]
        assert [one.new for one in tx.changes.moved("flights", between=(since - 1, since))] == [1]
        assert tx.changes.moved("trains") == []


def test_an_event_is_found_by_kind_and_time(hand: Hand) -> None:
    """Kinds are globs; only what was written behind one time and up to the other counts."""
    with hand.write("run.finished") as tx:
        at = tx.now
    with hand.read() as tx:
        assert tx.feed.came("flights", "run.*", after=at - 1, until=at)
        assert not tx.feed.came("flights", "run.*", after=at, until=at + 99)
        assert not tx.feed.came("flights", "change.*", after=0, until=at + 99)
