"""power: how many units an answer will take, said before the start, so that nobody waits for what cannot come.

Asked is when a candidate that is just as good is found not worse. The logarithm of the e-value against "worse by the tolerance"
grows with each unit by what the best stake of the ladder brings, where a unit's difference is as skewed as its bounds allow (two
points: the worst case, and what balances it). It must reach log(1/α), and a mixture costs a little more. The median, within a
factor of two: the tests compare with simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Final

from loopline.nouns.rolling import Forecast, Judged, Plan, Step
from loopline.rollout.plan import compares
from loopline.rollout.wagers import stakes

_COST: Final = 1.5
"""What not knowing the best stake costs, in logarithms of the e-value."""
_NEVER: Final = 10**15


@dataclass(frozen=True, slots=True)
class Usual:
    """What is known of a metric at the baseline, by unit."""

    mean: float
    """events: share of the units that have one."""
    deviation: float = 0.0
    """Standard deviation. Of events it follows from the share."""


def forecast(plan: Plan, *, units_a_day: float, usual: Mapping[str, Usual]) -> tuple[Forecast, ...]:
    """Say for each step that compares, and each metric, how many units it will take and whether as many come within its limits.

    usual: by metric, from records; a loss or events without it are taken at their worst, a latency as spread like its mean.
    """
    return tuple(
        _forecast(one, plan, number, units_a_day=units_a_day, usual=usual.get(one.metric))
        for number, step in enumerate(plan.steps)
        if compares(plan, number)
        for one in plan.metrics
    )


def _forecast(one: Judged, plan: Plan, number: int, *, units_a_day: float, usual: Usual | None) -> Forecast:
    step = plan.steps[number]
    shadow = plan.kind == "shadow"
    p = 0.5 if shadow else step.weight
    growth = _slower(one, step, p, usual) if one.kind == "latency" else _worse(one, step, p, usual, shadow=shadow)
    answer = (math.log(1 / plan.alpha) + _COST) / growth if growth > 0 else _NEVER
    least = step.least if shadow else step.least / min(p, 1 - p)
    needed = min(math.ceil(max(answer, least)), _NEVER)
    wait = plan.maturity if one.labelled else timedelta()
    time = max(min(step.most, plan.most) - wait, timedelta())
    expected = int(units_a_day * (time / timedelta(days=1)))
    if plan.units:
        expected = min(expected, plan.units)
    enough = needed <= expected
    words = f"{one.metric}, step {number + 1}: about {needed:,} units for an answer; {expected:,} are expected"
    if not enough:
        words += ": it will not be answered. Allow a larger tolerance, more time, or a weight nearer to a half"
    return Forecast(one.metric, number, needed, expected, enough, words)


def _worse(one: Judged, step: Step, p: float, usual: Usual | None, *, shadow: bool) -> float:
    """Give how much evidence a unit brings against "worse by the tolerance", of a bounded loss."""
    low, high = (one.low, one.high) if one.kind == "loss" else (0.0, 1.0)
    mean = (low + high) / 2 if usual is None else min(max(usual.mean, low), high)
    widest = math.sqrt((mean - low) * (high - mean))
    deviation = widest if usual is None or one.kind == "events" else min(usual.deviation, widest)
    if shadow:
        variance, worst = 2 * deviation**2, high - low
    else:
        variance, worst = deviation**2 / (p * (1 - p)), max((high - mean) / p, (mean - low) / (1 - p))
    tolerance = one.tolerance * step.slack
    share = variance / (variance + worst**2)
    best = 0.0
    for stake in stakes(high - low):
        if stake * worst < 1 and stake * tolerance < 1:
            gain = share * math.log1p(-stake * worst) + (1 - share) * math.log1p(stake * variance / worst)
            best = max(best, gain - math.log1p(-stake * tolerance))
    return best


def _slower(one: Judged, step: Step, p: float, usual: Usual | None) -> float:
    """Give how much evidence a unit brings against "longer by the tolerance", of log-normal latencies."""
    ratio = 1.0 if usual is None or usual.mean <= 0 else usual.deviation / usual.mean
    spread = math.sqrt(math.log1p(max(ratio, 1e-6) ** 2))
    theirs = 1 - one.quantile
    mine = 1 - NormalDist().cdf(NormalDist().inv_cdf(one.quantile) + math.log1p(one.tolerance * step.slack) / spread)
    events = p * mine + (1 - p) * theirs
    theta = p * mine / events
    return events * (theta * math.log(max(theta, 1e-300) / p) + (1 - theta) * math.log((1 - theta) / (1 - p)))
