from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from loopline.nouns.rolling import Judged, Plan, Step
from loopline.rollout.judge import judge
from loopline.rollout.power import Usual, forecast
from loopline.rollout.units import Observations, Sample
from tests.rollout.plans import planned

BRIER = Judged("brier", "loss", 0.02)
ERRORS = Judged("errors", "events", 0.02)
WAIT = Judged("wait", "latency", 0.2, quantile=0.9)
USUAL = {"brier": Usual(1 / 7, 0.1237), "errors": Usual(0.05), "wait": Usual(1.0, 0.4)}


def taken(of: Plan, one: Judged, p: float, n: int) -> float:
    """Give the median of units until a candidate that is alike is found not worse, in steps of a fifth of n."""
    found = []
    for seed in range(9):
        dice = np.random.default_rng(seed)
        arm = dice.random(3 * n) < p
        value = {
            "brier": dice.beta(1, 6, 3 * n),
            "errors": (dice.random(3 * n) < 0.05) * 1.0,
            "wait": dice.lognormal(-0.0742, 0.3853, 3 * n),
        }[one.metric]
        whole = Sample(
            np.arange(3 * n, dtype=np.uint64), np.zeros(3 * n, dtype=np.int64), arm, np.full(3 * n, p), value
        )
        looks = range(n // 5, 3 * n + 1, n // 5)
        found.append(
            next(
                (
                    k
                    for k in looks
                    if judge(Observations({one.metric: whole.only(np.arange(k))}, 0), of).answer == "not-worse"
                ),
                9 * n,
            )
        )
    return float(np.median(found))


@pytest.mark.parametrize("one", [BRIER, ERRORS, WAIT])
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_the_forecast_is_near_to_what_it_takes(one: Judged, p: float) -> None:
    """The number that is said before the start is within a factor of two of the median in simulations."""
    of = planned("canary", [one], weights=[p], step=Step(0, least=1))
    (said,) = forecast(of, units_a_day=100.0, usual=USUAL)
    assert 0.5 < said.needed / taken(of, one, p, said.needed) < 2


def test_a_plan_that_cannot_be_met_is_said_so() -> None:
    """Where fewer units come than an answer takes, each step and metric says so before the start, and what would help."""
    of = planned("canary", [BRIER, WAIT])
    poor, rich = (forecast(of, units_a_day=day, usual=USUAL) for day in (5.0, 5e4))
    assert [(one.step, one.metric) for one in poor] == [(0, "brier"), (0, "wait"), (1, "brier"), (1, "wait")]
    assert not any(one.enough for one in poor)
    assert all("larger tolerance" in one.words for one in poor)
    assert all(one.enough for one in rich)


def test_waiting_for_labels_leaves_less_time() -> None:
    """A step that ends before the first label is mature has no units."""
    of = planned("canary", [replace(BRIER, labelled=True)], maturity=timedelta(days=8))
    assert [one.expected for one in forecast(of, units_a_day=1e6, usual=USUAL)] == [0, 0]


def test_each_arm_needs_its_least() -> None:
    """A tolerance that is easily met still takes as many units as the smaller arm must have."""
    of = planned("canary", [replace(BRIER, tolerance=0.9)], weights=[0.1], step=Step(0, least=500))
    assert forecast(of, units_a_day=1.0, usual=USUAL)[0].needed >= 5_000


def test_limits_of_units_count() -> None:
    """What comes beyond the limit of units is not expected."""
    of = replace(planned("canary", [BRIER]), units=10)
    assert {one.expected for one in forecast(of, units_a_day=1e6, usual={})} == {10}


def test_what_is_unknown_is_taken_at_its_worst() -> None:
    """Without records a forecast is larger, and still a number, for every kind of metric."""
    of = planned("shadow", [BRIER, ERRORS, WAIT])
    for known, unknown in zip(
        forecast(of, units_a_day=1.0, usual=USUAL), forecast(of, units_a_day=1.0, usual={}), strict=True
    ):
        assert unknown.needed > known.needed > 0


def test_what_compares_nothing_needs_nothing() -> None:
    """At once and blue-green have no forecast."""
    assert forecast(planned("blue-green"), units_a_day=1.0, usual={}) == ()
