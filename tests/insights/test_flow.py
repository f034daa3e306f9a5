from __future__ import annotations

import random

import pytest

from loopline.insights.calendar import Window
from loopline.insights.flow import Way, by_lane, split, wait_share

HOUR = 3_600_000_000
WINDOW = Window(0, 100 * HOUR, 100 * HOUR)


def way(change: str = "a", **more: int) -> Way:
    """Trained for two hours, proposed at four, checked from five to six, answered at ten, rolled from eleven to twelve."""
    given = {"answered": 10, "rolling": 11, "finished": 12} | more
    return Way(
        change, 0, 4 * HOUR, given["finished"] * HOUR, ((0, 2 * HOUR), (5 * HOUR, 6 * HOUR)), given["answered"] * HOUR,
        given["rolling"] * HOUR,
    )  # fmt: skip


def test_every_moment_belongs_to_one_stage() -> None:
    """Before the first check there is nothing to review: that is waiting, as is what follows the last answer."""
    assert [part / HOUR for part in split(way())] == [2 + 1 + 1, 3, 4, 1]


def test_without_checks_the_review_begins_with_the_proposal() -> None:
    """And without an answer nobody reviewed: it waited."""
    assert [part / HOUR for part in split(Way("a", 0, HOUR, 5 * HOUR, answered=4 * HOUR))] == [2, 0, 3, 0]
    assert [part / HOUR for part in split(Way("a", 0, HOUR, 5 * HOUR))] == [5, 0, 0, 0]


def test_the_stages_add_up_to_the_lead_time() -> None:
    """Whatever overlaps, lies before the proposal, or goes on after the end: nothing is counted twice or lost."""
    for seed in range(200):
        dice = random.Random(seed)
        begun, proposed, finished = sorted(dice.sample(range(100), 3))
        runs = tuple((at, at + dice.randint(0, 40)) for at in (dice.randint(0, 90) for _ in range(dice.randint(0, 4))))
        some = Way(
            "a",
            begun,
            proposed,
            finished,
            runs,
            dice.choice([None, dice.randint(0, 120)]),
            dice.choice([None, dice.randint(0, 120)]),
        )
        parts = split(some)
        assert sum(parts) == finished - begun, some
        assert min(parts) >= 0, some


def test_the_bottleneck_is_named_with_what_half_of_it_would_do() -> None:
    """The what-if is that of the time of all changes: of medians of stages it could not be said."""
    found = by_lane([way("a", answered=30, rolling=30, finished=30), way("b"), way("c")], {}, WINDOW)[0]
    assert found.bottleneck == "reviewing"
    review = next(one for one in found.stages if one.name == "reviewing")
    assert review.share == pytest.approx((24 + 4 + 4) / (30 + 12 + 12))
    assert review.halved == pytest.approx(-review.share / 2)
    assert found.mean == (30 + 12 + 12) * HOUR / 3
    assert found.said == "reviewing takes 59% of the time; half of it: 30% less on average"
    assert (found.lead.value, found.lead.n, found.lead.ids) == (12 * HOUR, 3, ("c", "b", "a"))


def test_changes_that_were_current_at_once_are_counted_apart() -> None:
    """Many commits that nobody had to wait for do not make a median of nothing out of the way of the others."""
    at_once = [Way(f"commit {n}", n, n, n) for n in range(5)]
    found = by_lane([*at_once, way("a"), way("b")], {}, WINDOW)[0]
    assert (found.lead.n, found.lead.value, found.bottleneck) == (2, 12 * HOUR, "waiting")
    assert found.lead.why == "and 5 that were current at once"
    assert found.mean == 12 * HOUR


def test_a_stream_without_time_has_no_bottleneck() -> None:
    """No change, or changes that took no time, say nothing."""
    assert by_lane([], {}, WINDOW)[0].bottleneck == ""
    assert by_lane([Way("a", 5, 5, 5)], {}, WINDOW)[0].stages == ()


def test_each_lane_has_the_stream_of_its_changes() -> None:
    """A change that moves a model and a service is in both; lanes without changes are left out, and what is in none is other."""
    found = by_lane([way("a"), way("b")], {"a": {"model", "code"}, "b": {"model"}}, WINDOW)
    assert [(one.lane, one.lead.n) for one in found] == [("all", 2), ("code", 1), ("model", 2)]
    rest = by_lane([way("a"), way("b")], {"a": {"code"}, "b": ()}, WINDOW)
    assert [(one.lane, one.lead.n) for one in rest] == [("all", 2), ("code", 1), ("other", 1)]
    assert wait_share(found[0]) == pytest.approx(8 / 12)
    assert wait_share(by_lane([], {}, WINDOW)[0]) is None
