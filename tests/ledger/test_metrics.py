from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.ledger.ledger import Ledger
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
