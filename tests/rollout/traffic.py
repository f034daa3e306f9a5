"""Traffic that is made up, with units, arms by weight, and all that goes wrong in both arms at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from loopline.nouns.rolling import Judged, Plan, Step, Weighting
from loopline.rollout.units import Observations, Rows, observe

Array = np.ndarray[Any, np.dtype[Any]]
HOUR = 3_600_000_000
DAY = 24 * HOUR
METRICS = (
    Judged("brier", "loss", 0.02, labelled=True),
    Judged("errors", "events", 0.02),
    Judged("latency", "latency", 0.2, quantile=0.9),
)


@dataclass(frozen=True)
class Traffic:
    """What comes, and how much worse the candidate is."""

    units: int = 1_500
    weights: Sequence[tuple[float, float]] = ((0.0, 0.5),)
    """From which day on, which weight."""
    days: float = 4.0
    burst: int = 1
    """Events of a unit in a row, mostly alike: a client that retries."""
    again: float = 0.0
    """Share of the units that come a second time, later."""
    hourly: bool = False
    """Whether the rate, the losses and the latencies follow the hour."""
    incident: tuple[float, float] = (0.0, 0.0)
    """Days from and to which everything fails four times in ten, in both arms."""
    brier: float = 0.0
    errors: float = 0.0
    latency: float = 1.0
    """What the candidate adds; what its latencies are multiplied by."""


def plan(*, steps: Sequence[float] = (0.5,), least: int = 1, **more: Any) -> Plan:
    """Make a plan that judges three metrics."""
    fields: dict[str, Any] = {"metrics": METRICS, "maturity": timedelta(hours=6), **more}
    return Plan("canary", tuple(Step(weight, least) for weight in steps), **fields)


def rows(like: Traffic, seed: int) -> tuple[Rows, tuple[Weighting, ...]]:
    """Make up the rows of one rollout, and the weights that were in force."""
    dice = np.random.default_rng(seed)
    place = dice.random(like.units)
    at = dice.random(like.units) * like.days
    if like.hourly:
        busy = dice.random(like.units) < 0.7  # most come in the afternoon
        at = np.where(busy, np.floor(at) + 0.5 + dice.random(like.units) / 4, at)
    who = np.arange(like.units)
    more = np.flatnonzero(dice.random(like.units) < like.again)
    at = np.concatenate((at, np.minimum(at[more] + dice.random(len(more)) * 2, like.days)))
    who = np.concatenate((who, more))
    bad = dice.random(len(who))  # what happens to a client happens to all its requests
    many = np.where(dice.random(len(who)) < 0.3, like.burst, 1)
    who, bad = np.repeat(who, many), np.repeat(bad, many)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(many) - many, many)
    at = np.repeat(at, many) + nth * (0.1 / 86_400)
    seen = (at * DAY).astype(np.int64)
    weights = tuple(Weighting(int(day * DAY), weight, number) for number, (day, weight) in enumerate(like.weights))
    shares = np.asarray([0.0] + [one.weight for one in weights])
    weight = shares[np.searchsorted([one.since for one in weights], seen, side="right")]
    candidate = place[who] < weight
    noon = ((at % 1 > 0.5) & (at % 1 < 0.75)) * 1.0 if like.hourly else np.zeros(len(at))
    failing = 0.03 + 0.37 * ((at >= like.incident[0]) & (at < like.incident[1])) + like.errors * candidate
    values = {
        "brier": np.clip(dice.beta(1, 6, len(who)) * (1 + noon) + like.brier * candidate, 0, 1),
        "errors": (bad < failing) * 1.0,
        "latency": dice.lognormal(0, 0.4, len(who)) * (1 + 2 * noon) * np.where(candidate, like.latency, 1.0),
    }
    known = seen + (dice.random(len(who)) * 3 * HOUR).astype(np.int64)
    unit = np.random.default_rng(seed + 1).permutation(like.units).astype(np.uint64)[who]
    return Rows(unit, candidate, seen, seen, known, values), weights


def seen(like: Traffic, seed: int, of: Plan, *, day: float | None = None) -> Observations:
    """Make up a rollout and look at what counts by a day; by the end, if none is named."""
    made, weights = rows(like, seed)
    return observe(made, weights, of, until=int((like.days + 1 if day is None else day) * DAY))


def share(holds: Callable[[int], bool], repetitions: int) -> float:
    """Count how often something holds, over seeds that are always the same."""
    return sum(holds(7_919 * seed) for seed in range(repetitions)) / repetitions
