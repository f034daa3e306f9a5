"""weighing: what the numbers of one metric say: how far the arms are apart, within which bounds, on which evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopline.nouns.rolling import Judged
from loopline.rollout import events, wagers
from loopline.rollout.slow import FACTORS, thresholds
from loopline.rollout.units import Sample

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One metric, before anybody asks whether it may be believed. Fields as in `Compared`; a bound may be infinite."""

    candidate: float
    baseline: float
    estimate: float
    low: float
    high: float
    evidence: float
    looks: Array
    path: Array


def weigh(one: Judged, held: Sample, *, alpha: float, share: float, tolerance: float) -> Tried:
    """Weigh units that all have a value, of both arms. `share`: this metric's part of alpha, for what is worse."""
    if one.kind == "latency":
        return _waited(one, held, alpha=alpha, share=share, tolerance=tolerance)
    low, high = (one.low, one.high) if one.kind == "loss" else (0.0, 1.0)
    found = _differences(held, held.value, held.other, low=low, high=high)
    bets = wagers.wealth(found)
    looks, path = bets.looks, bets.path
    if one.kind == "events":
        looks, path = _evidence(held, held.value > 0, None if held.other is None else held.other > 0)
    return Tried(
        *_means(held), float(found.x.mean()), wagers.at_least(bets, share, width=found.width), _at_most(found, alpha),
        _largest(path), looks, path,
    )  # fmt: skip


def _waited(one: Judged, held: Sample, *, alpha: float, share: float, tolerance: float) -> Tried:
    """Weigh latencies: which factors of the baseline's threshold are refuted, from both sides."""
    import numpy as np

    theirs, whose = (held.value, ~held.candidate) if held.other is None else (held.other, held.candidate)
    bound = thresholds(theirs, whose, one.quantile)
    place = np.flatnonzero(np.isfinite(bound))
    cut, bound = held.only(place), bound[place]
    value, other, mine = cut.value, cut.other, cut.candidate

    def surely_more(factor: float) -> bool:
        slow = value > np.where(mine, factor, 1.0) * bound
        arm, p, _ = _whose(cut, slow, None if other is None else other > bound)
        return events.summed(arm, p) >= -math.log(share)

    def surely_less(factor: float) -> bool:
        slow = np.where(mine, value > factor * bound, value >= bound)
        arm, p, _ = _whose(cut, slow, None if other is None else other >= bound)
        return events.summed(~arm, 1 - p) >= -math.log(alpha)

    looks, path = _evidence(cut, value > bound, None if other is None else other > bound)
    candidate, baseline = _quantiles(held, one.quantile)
    ladder = sorted({*FACTORS, 1 + tolerance})
    below, above = _turn(ladder, lambda f: not surely_more(f)), _turn(ladder, surely_less)
    return Tried(
        candidate, baseline, candidate / baseline - 1 if baseline > 0 else 0.0,
        ladder[below - 1] - 1 if below else -1.0, ladder[above] - 1 if above < len(ladder) else math.inf,
        _largest(path), place[looks - 1] + 1, path,
    )  # fmt: skip


def _turn(ladder: Sequence[float], holds: Callable[[float], bool]) -> int:
    """Find the first rung where `holds`, which holds for all behind it; the number of rungs: nowhere."""
    least, most = 0, len(ladder)
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if holds(ladder[middle]) else (middle + 1, most)
    return least


def _differences(held: Sample, value: Array, other: Array | None, *, low: float, high: float) -> wagers.Differences:
    if other is not None:
        return wagers.paired(value, other, width=high - low)
    return wagers.drawn(value, held.candidate, held.p, low=low, high=high)


def _at_most(found: wagers.Differences, alpha: float) -> float:
    """Give the bound above the mean difference: all that is larger is refuted."""
    return -wagers.at_least(wagers.wealth(found, against=True), alpha, width=found.width)


def _whose(held: Sample, event: Array, other: Array | None) -> tuple[Array, Array, Array]:
    """Give arm, propensity and place of each event. Of a shadow: each that one arm alone has."""
    import numpy as np

    place = np.flatnonzero(event if other is None else event != other)
    return (held.candidate if other is None else event)[place], held.p[place], place


def _evidence(held: Sample, event: Array, other: Array | None) -> tuple[Array, Array]:
    arm, p, place = _whose(held, event, other)
    return place + 1, events.evidence(arm, p)


def _largest(path: Array) -> float:
    return max(float(path.max()), 0.0) if len(path) else 0.0


def _means(held: Sample) -> tuple[float, float]:
    """Give the mean of each arm; units weigh what their propensity makes of them, so that both stand for the same traffic."""
    if held.other is not None:
        return float(held.value.mean()), float(held.other.mean())
    mine, theirs = held.candidate / held.p, ~held.candidate / (1 - held.p)
    return tuple(float((held.value * w).sum() / w.sum()) for w in (mine, theirs))  # type: ignore[return-value]


def _quantiles(held: Sample, quantile: float) -> tuple[float, float]:
    """Give the quantile of each arm, weighted as `_means` does."""
    import numpy as np

    if held.other is not None:
        return tuple(float(np.quantile(v, quantile, method="higher")) for v in (held.value, held.other))  # type: ignore[return-value]
    found = []
    for arm, p in ((held.candidate, held.p), (~held.candidate, 1 - held.p)):
        order = np.argsort(held.value[arm], kind="stable")
        sums = np.cumsum(1 / p[arm][order])
        found.append(float(held.value[arm][order][min(np.searchsorted(sums, quantile * sums[-1]), len(order) - 1)]))
    return found[0], found[1]
