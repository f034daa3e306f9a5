from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.ledger import metrics
from loopline.ledger.ledger import Ledger
from loopline.ledger.metrics import Value
from loopline.nouns.run import Point, Run
from loopline.testing.clock import FakeClock, SequentialIds
from loopline.testing.loop import empty_database

if TYPE_CHECKING:
    from .conftest import Hand


def test_a_series_keeps_order_and_special_values(hand: Hand) -> None:
    """NaN and infinity come back as they were, in the order of their steps."""
    run = hand.run()
    with hand.write() as tx:
        tx.metrics.add(
            run.id, [Point("loss", math.inf, 1, 5), Point("loss", math.nan, 0, 4), Point("loss", -0.5, 2, 6)]
        )
        points = tx.metrics.history(run.id, "loss")
        assert tx.metrics.keys(run.id) == ["loss"]
        assert tx.metrics.history(run.id, "loss", after=1, limit=1)[0].value == -0.5
        assert tx.runs.get(run.id).metrics == {"loss": -0.5}
    assert math.isnan(points[0].value)
    assert points[1].value == math.inf


_POINTS = st.lists(
    st.builds(Point, st.sampled_from(["a", "b"]), st.floats(-10, 10), st.integers(0, 5), st.integers(1, 5)), max_size=20
)


@settings(max_examples=50)
@given(batches=st.lists(_POINTS, max_size=5))
def test_the_summary_is_that_of_all_points(batches: list[list[Point]]) -> None:
    """Whatever the batches, the last value is that of the greatest (step, time), later arrivals first."""
    ids = SequentialIds()
    ledger = Ledger(empty_database(), clock=FakeClock())
    with ledger.telemetry() as tables:
        run = tables.runs.start(Run(ids.new(), "p", "r"))
    for batch in batches:
        with ledger.telemetry() as tables:
            tables.metrics.add(run.id, batch)
    everything = [point for batch in batches for point in batch]
    expected = {}
    for key in {p.key for p in everything}:
        mine = [p for p in everything if p.key == key]
        best = max(range(len(mine)), key=lambda i: (mine[i].step, mine[i].time, i))
        expected[key] = mine[best].value
    with ledger.read() as tx:
        assert tx.runs.get(run.id).metrics == expected
        for key in expected:
            low, high, count = (
                tx.rows.one("SELECT low, high, count FROM series WHERE run = ? AND key = ?", run.id, key) or ()
            )
            values = [p.value for p in everything if p.key == key]
            assert (low, high, count) == (min(values), max(values), len(values))
    ledger.close()


def test_points_between_two_steps(hand: Hand) -> None:
    """Both ends are part of it, in the order of step and arrival, also several of one step."""
    run = hand.run()
    with hand.write() as tx:
        tx.metrics.add(run.id, [Point("a", float(i), i % 5, 100 + i) for i in range(10)])
        found = tx.metrics.between(run.id, "a", 1, 2)
        assert found == [(1.0, 1, 101), (6.0, 1, 106), (2.0, 2, 102), (7.0, 2, 107)]
        assert tx.metrics.between(run.id, "b", 0, 9) == []


def test_a_series_is_read_by_step_then_time_then_arrival(hand: Hand) -> None:
    """However points came, and page by page from any place on."""
    run = hand.run()
    with hand.write() as tx:
        tx.metrics.add(
            run.id, [Point("a", 1.0, 2, 9), Point("a", 2.0, 1, 8), Point("a", 3.0, 2, 7), Point("a", 4.0, 1, 8)]
        )
        every = tx.metrics.rows(run.id, "a", limit=9)
        assert [row[3] for row in every] == [2.0, 4.0, 3.0, 1.0]
        assert tx.metrics.rows(run.id, "a", behind=every[1][:3], limit=1) == every[2:3]
        assert tx.metrics.rows(run.id, "b", limit=9) == []


def test_a_point_that_is_sent_twice_counts_once_where_that_is_asked(hand: Hand) -> None:
    """The same step, time and value again change nothing, in one batch or two, NaN too; another value is another point."""
    run = hand.run()
    batch = [(0, 5, 1.0), (0, 5, 1.0), (0, 5, 2.0), (3, 1, None), (3, 1, None)]
    with hand.write() as tx:
        tx.metrics.extend(run.id, {"a": batch}, once=True)
        tx.metrics.extend(run.id, {"a": [*batch, (1, 1, 7.0)], "b": [(0, 5, 1.0)]}, once=True)
        assert [row[3] for row in tx.metrics.rows(run.id, "a", limit=9)] == [1.0, 2.0, 7.0, None]
        assert tx.rows.one("SELECT last, low, high, count FROM series WHERE key = 'a'") == (None, 1.0, 7.0, 4)
        tx.metrics.extend(run.id, {"a": batch[:1]})
        assert len(tx.metrics.rows(run.id, "a", limit=9)) == 5


def test_many_series_grow_at_once(hand: Hand) -> None:
    """A batch of more keys than one statement asks for makes each of them, and goes on with each."""
    run = hand.run()
    with hand.write() as tx:
        for step in range(2):
            tx.metrics.extend(run.id, {f"m{n}": [(step, 1, float(n))] for n in range(1203)}, once=True)
        assert len(tx.metrics.keys(run.id)) == 1203
        assert tx.metrics.rows(run.id, "m700", limit=9) == [(0, 1, 0, 700.0), (1, 1, 1, 700.0)]


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 1), (3, 5), (5, 5), (9, 1), (9, 2), (1003, 20)])
def test_a_sample_has_equal_distances_and_both_ends(hand: Hand, count: int, most: int) -> None:
    """Of few points all are given; of many the first of each part, and the last; one alone is the last."""
    run = hand.run()
    with hand.write() as tx:
        tx.metrics.add(run.id, [Point("a", float(i), i // 2, 1) for i in reversed(range(count))])
        found = tx.metrics.sampled(run.id, "a", most)
        every = tx.metrics.rows(run.id, "a", limit=count + 1)
        assert len(found) == min(count, most)
        assert found[-1:] == every[-1:]
        assert most == 1 or found[:1] == every[:1]
        places = [every.index(row) for row in found[:-1]]
        assert max((b - a for a, b in pairwise(places)), default=0) <= -(-count // most)
        part = tx.metrics.sampled(run.id, "a", most, (1, 3))
        assert [row[0] for row in part] == sorted(row[0] for row in part)
        assert len(part) == min(most, sum(1 <= row[0] <= 3 for row in every))
        assert {row[0] for row in part} <= {1, 2, 3}
        assert tx.metrics.sampled(run.id, "b", most) == []


def test_points_are_counted_by_series(hand: Hand) -> None:
    """Of many runs at once; a run without any is left out."""
    one, two = hand.run(), hand.run()
    with hand.write() as tx:
        tx.metrics.add(one.id, [Point("a", 1.0, step) for step in range(3)] + [Point("b", 1.0)])
        assert tx.metrics.counts([one.id, two.id]) == {one.id: {"a": 3, "b": 1}}


_SENT = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from([None, 0.5, 2.0])), max_size=6),
    max_size=4,
)


@settings(max_examples=100)
@given(
    sent=st.lists(_SENT, max_size=8), narrow=st.integers(1, 3), steps=st.tuples(st.integers(0, 3), st.integers(0, 3))
)
def test_recent_points_are_read_with_the_others(
    sent: list[dict[str, list[Value]]], narrow: int, steps: tuple[int, int]
) -> None:
    """Wherever points lie, and however often they were moved: each is there once, in its place, after being sent twice."""
    ledger = Ledger(empty_database(), clock=FakeClock())
    with ledger.telemetry() as tables:
        run = tables.runs.start(Run(SequentialIds().new(), "p", "r")).id
    expected: dict[str, list[Value]] = {}
    with patch.multiple(metrics, WIDE=narrow, RECENT=5):
        for batches in (one for one in sent for _ in range(2)):
            with ledger.telemetry() as tables:
                tables.metrics.extend(run, batches, once=True)
            for key, batch in batches.items():
                there = expected.setdefault(key, [])
                there += [one for i, one in enumerate(batch) if one not in there and one not in batch[:i]]
    with ledger.read() as tx:
        for key, there in expected.items():
            ordered = sorted(there, key=lambda one: one[:2])
            found = [(step, time, value) for step, time, _, value in tx.metrics.rows(run, key, limit=100)]
            assert found == ordered
            between = [one for one in ordered if steps[0] <= one[0] <= steps[1]]
            assert [(step, time) for _, step, time in tx.metrics.between(run, key, *steps)] == [
                one[:2] for one in between
            ]
            assert len(tx.metrics.sampled(run, key, 3)) == min(3, len(there))
            sampled = tx.metrics.sampled(run, key, 100, steps)
            assert [(step, time, value) for step, time, _, value in sampled] == between
            assert tx.metrics.counts([run])[run][key] == len(there)


def test_many_series_go_to_the_recent_points_until_these_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then all of them move; a batch of few series goes by them, and so does one of many points for each."""
    monkeypatch.setattr(metrics, "RECENT", 150)
    ledger = Ledger(empty_database(), clock=FakeClock())
    counts = []
    with ledger.telemetry() as tables:
        run = tables.runs.start(Run(SequentialIds().new(), "p", "r")).id
        for step in range(4):
            tables.metrics.extend(run, {f"m{n}": [(step, 1, 0.5)] for n in range(metrics.WIDE)})
            tables.metrics.extend(run, {"loss": [(step, 1, 0.5)]})
            counts.append([
                row[0]
                for table in ("points", "recent_points")
                for row in tables.rows.all(f"SELECT COUNT(*) FROM {table}")
            ])
        assert counts == [[1, 64], [2, 128], [3, 192], [196, 64]]
        assert [point.step for point in tables.metrics.history(run, "m7")] == [0, 1, 2, 3]
        thick = {f"m{n}": [(step, 2, 0.5) for step in range(metrics.THIN)] for n in range(metrics.WIDE)}
        tables.metrics.extend(run, thick)
        assert tables.rows.one("SELECT COUNT(*) FROM recent_points") == (64,)


def test_what_is_sent_twice_is_found_among_much_else(hand: Hand) -> None:
    """Points far apart, between which more lie than are read at once."""
    run = hand.run()
    with hand.write() as tx:
        tx.metrics.extend(run.id, {"loss": [(step, 1, None if step == 7 else 0.5) for step in range(500)]})
        tx.metrics.extend(run.id, {"loss": [(1, 1, 0.5), (7, 1, None), (7, 1, 0.5), (499, 1, 0.5)]}, once=True)
        found = tx.metrics.rows(run.id, "loss", limit=1000)
    assert len(found) == 501
    assert found[7:9] == [(7, 1, 7, None), (7, 1, 500, 0.5)]
