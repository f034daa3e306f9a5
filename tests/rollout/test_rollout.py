"""What the judge promises, by simulation with fixed seeds: each number is how often it happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.nouns.rolling import Judged
from loopline.rollout.judge import judge
from loopline.rollout.units import observe
from tests.rollout.traffic import DAY, Traffic, plan, rows, seen, share

ALPHA = 0.05
FEW, MANY = 50, 400

SCENARIOS = {
    "alike": Traffic(),
    "one of ten": Traffic(weights=((0, 0.1),)),
    "bursts of ten": Traffic(burst=10, again=0.3),
    "an incident of both arms": Traffic(incident=(1.0, 1.5), weights=((0, 0.3),)),
    "by the hour": Traffic(hourly=True),
    "weights that change": Traffic(
        hourly=True, again=0.5, burst=5, weights=((0, 0.05), (0.6, 0.3), (2.55, 0.8)), incident=(2.6, 2.7)
    ),
}


def alarmed(like: Traffic, seed: int) -> bool:
    """Whether any look at any time would have stopped the rollout: evidence is the largest of all looks."""
    of = plan(steps=[weight for _, weight in like.weights])
    return any(one.evidence >= one.needed for one in judge(seen(like, seed, of), of).findings)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_candidate_that_is_alike_is_stopped_no_more_often_than_alpha(name: str) -> None:
    """However often one looks, three metrics together stop a candidate that is not worse with probability α at most."""
    assert share(lambda seed: alarmed(SCENARIOS[name], seed), FEW) <= ALPHA


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENARIOS)
def test_many_candidates_that_are_alike_are_stopped_no_more_often_than_alpha(name: str) -> None:
    """What holds for a few rollouts holds for hundreds with more units."""
    assert share(lambda seed: alarmed(replace(SCENARIOS[name], units=4_000), seed), MANY) <= ALPHA


def test_events_that_count_one_by_one_would_raise_false_alarms() -> None:
    """The bursts of the scenario are bad enough: with every event a unit of its own they stop a good candidate often."""
    errors = (Judged("errors", "events", 0.02),)

    def naive(seed: int) -> bool:
        made, weights = rows(SCENARIOS["bursts of ten"], seed)
        each = replace(made, unit=(made.seen * 64 + made.unit.astype("int64") % 64).astype("uint64"))
        of = plan(metrics=errors)
        found = judge(observe(each, weights, of, until=9 * DAY), of).findings[0]
        return found.evidence >= found.needed

    assert share(naive, 60) > 3 * ALPHA


@pytest.mark.parametrize(
    ("metric", "like"),
    [
        ("brier", Traffic(1_000, brier=0.02)),
        ("errors", Traffic(1_000, errors=0.02)),
        ("latency", Traffic(1_000, latency=1.2)),
    ],
)
def test_a_candidate_that_is_worse_by_the_tolerance_passes_no_more_often_than_alpha(metric: str, like: Traffic) -> None:
    """Somebody who looks again and again lets a candidate on that is worse by the tolerance with probability α at most."""
    of = plan(metrics=tuple(one for one in plan().metrics if one.metric == metric))

    def passed(seed: int) -> bool:
        made, weights = rows(like, seed)
        looks = (observe(made, weights, of, until=DAY * k // 5) for k in (6, 12, 18, 25))
        return any(judge(one, of).answer == "not-worse" for one in looks)

    assert share(passed, FEW) <= ALPHA


@pytest.mark.parametrize(
    ("metric", "like", "found"),
    [
        ("brier", Traffic(units=4_000, brier=0.03), 0.95),
        ("errors", Traffic(units=4_000, errors=0.03), 0.95),
        ("latency", Traffic(units=4_000, latency=1.3), 0.95),
        ("errors", Traffic(units=4_000, errors=0.06, weights=((0, 0.1),)), 0.95),
        ("brier", Traffic(units=300, brier=0.4, weights=((0, 0.1),)), 0.95),
        ("latency", Traffic(units=300, latency=3.0), 0.95),
    ],
)
def test_a_candidate_that_is_clearly_worse_is_found(metric: str, like: Traffic, found: float) -> None:
    """What is three times as bad as ever is found in a few hundred units, what is a little worse in a few thousand."""
    of = plan(metrics=tuple(one for one in plan().metrics if one.metric == metric))
    assert share(lambda seed: judge(seen(like, seed, of), of).answer == "worse", 40) >= found


def test_a_candidate_that_is_as_good_is_let_on() -> None:
    """Three metrics together find a candidate not worse that is as good, in a few thousand units."""
    of = plan()
    assert share(lambda seed: judge(seen(Traffic(units=8_000), seed, of), of).answer == "not-worse", 25) >= 0.9
