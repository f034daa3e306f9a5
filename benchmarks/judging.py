"""judging: false alarms and power of the judge, beside the rules by which canaries are usually judged; and a million events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Case, Measured, Sample

if TYPE_CHECKING:
    import numpy as np

    from loopline.nouns.rolling import Judged

    Array = np.ndarray[Any, np.dtype[Any]]

TITLE = "Judging rollouts"
ROUNDS = 5
UNITS = 6_000
REPEATED = 200
LOOKS = 60
DAY = 86_400_000_000
DAYS = 6
LARGE = "1,000,000 events of 400,000 units"
ALPHA = 0.05
ABOUT = f"""
Simulated rollouts, {REPEATED} of each row, of {UNITS:,} units in {DAYS} days; somebody looks {LOOKS} times. Who stops a
candidate that is as good as the baseline raises a false alarm; α is {ALPHA:.0%}. Each rule gets the events as they come: a fixed
threshold (the mean of the candidate since the last look above twice what is usual, three looks in a row), Mann-Whitney at 5 %
at each look, Welch's test at 5 % / 20 at twenty looks planned before. Loopline counts units, from the rows of the same events.
"""


@dataclass(frozen=True)
class Rollout:
    """What comes, and how much worse the candidate is."""

    metric: str = "errors"
    weights: Sequence[tuple[float, float]] = ((0.0, 0.5),)
    burst: int = 1
    hourly: bool = False
    incident: tuple[float, float] = (0.0, 0.0)
    worse: float = 0.0
    """errors, brier: added. latency: in proportion."""


ALIKE = {
    "errors, alike": Rollout(),
    "errors, split 1 : 9": Rollout(weights=((0, 0.1),)),
    "errors, bursts of ten": Rollout(burst=10),
    "errors, a bad half day of both arms": Rollout(incident=(2.0, 2.5)),
    "errors, by the hour, weights 5 → 30 → 80 %": Rollout(
        hourly=True, weights=((0, 0.05), (1.6, 0.3), (3.55, 0.8)), incident=(3.6, 4.0)
    ),
    "Brier, alike": Rollout("brier"),
    "latency, alike": Rollout("latency"),
    "latency, by the hour, weights 5 → 30 → 80 %": Rollout(
        "latency", hourly=True, weights=((0, 0.05), (1.6, 0.3), (3.55, 0.8))
    ),
}
WORSE = {
    "errors 3 → 4.5 %": Rollout(worse=0.015),
    "errors 3 → 6 %": Rollout(worse=0.03),
    "errors 3 → 6 %, split 1 : 9": Rollout(worse=0.03, weights=((0, 0.1),)),
    "errors 3 → 30 %, split 1 : 9": Rollout(worse=0.27, weights=((0, 0.1),)),
    "Brier 0.14 → 0.16": Rollout("brier", worse=0.02),
    "Brier 0.14 → 0.19": Rollout("brier", worse=0.05),
    "latency, p95 a fifth longer": Rollout("latency", worse=0.2),
}
USUAL = {"errors": 0.03, "brier": 1 / 7, "latency": 1.08}


def events(like: Rollout, seed: int) -> dict[str, Array]:
    """Make up the events of one rollout, in order of time."""
    import numpy as np

    dice = np.random.default_rng(seed)
    place, at = dice.random(UNITS), np.sort(dice.random(UNITS)) * DAYS
    if like.hourly:
        busy = dice.random(UNITS) < 0.7
        at = np.where(busy, np.floor(at) + 0.5 + dice.random(UNITS) / 4, at)
    many = np.where(dice.random(UNITS) < 0.3, like.burst, 1)
    who = np.repeat(np.arange(UNITS), many)
    luck = np.repeat(dice.random(UNITS), many)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(many) - many, many)
    order = np.argsort(at[who] + nth * (0.1 / 86_400), kind="stable")
    who, luck, at = who[order], luck[order], (at[who] + nth * (0.1 / 86_400))[order]
    starts, shares = (np.asarray(column) for column in zip(*like.weights, strict=True))
    arm = place[who] < shares[np.searchsorted(starts, at, side="right") - 1]
    noon = ((at % 1 > 0.5) & (at % 1 < 0.75)) * like.hourly
    value = {
        "errors": lambda: (
            (luck < 0.03 + 0.37 * ((at >= like.incident[0]) & (at < like.incident[1])) + like.worse * arm) * 1.0
        ),
        "brier": lambda: np.clip(dice.beta(1, 6, len(who)) + like.worse * arm, 0, 1),
        "latency": lambda: dice.lognormal(0, 0.4, len(who)) * (1 + 2 * noon) * (1 + like.worse * arm),
    }[like.metric]()
    return {"unit": who.astype(np.uint64), "arm": arm, "at": (at * DAY).astype(np.int64), "value": value}


def metric(name: str) -> Judged:
    """Give what is judged."""
    from loopline.nouns.rolling import Judged

    return {
        "errors": Judged("errors", "events", 0.01),
        "brier": Judged("brier", "loss", 0.02),
        "latency": Judged("latency", "latency", 0.1),
    }[name]


def ours(like: Rollout, made: dict[str, Array]) -> int | None:
    """Judge as Loopline does; give the units after which it would have stopped."""
    from loopline.nouns.rolling import Plan, Step, Weighting
    from loopline.rollout.judge import judge
    from loopline.rollout.units import Rows, observe

    weights = [Weighting(int(day * DAY), weight, k) for k, (day, weight) in enumerate(like.weights)]
    steps = tuple(Step(weight, least=1) for _, weight in like.weights)
    plan = Plan("canary", steps, (metric(like.metric),), unit_window=timedelta(hours=1))
    rows = Rows(made["unit"], made["arm"], made["at"], made["at"], made["at"], {like.metric: made["value"]})
    (found,) = judge(observe(rows, weights, plan, until=9 * DAYS * DAY), plan).findings
    return next((units for units, evidence in found.path if evidence >= found.needed), None)


def theirs(rule: str, like: Rollout, made: dict[str, Array]) -> int | None:
    """Judge by one of the usual rules; give the units that had come when it stopped."""
    import numpy as np

    from benchmarks.sides import canaries

    looks = [len(made["at"]) * k // LOOKS for k in range(1, LOOKS + 1)]
    more = {"limit": 2 * USUAL[like.metric]} if rule == "fixed_threshold" else {}
    stopped = getattr(canaries, rule)(made["arm"], made["value"], looks, **more)
    return None if stopped is None else len(np.unique(made["unit"][:stopped]))


RULES: dict[str, Callable[[Rollout, dict[str, Array]], int | None]] = {
    "loopline": ours,
    "fixed threshold": partial(theirs, "fixed_threshold"),
    "Mann-Whitney at each look": partial(theirs, "mann_whitney"),
    "Bonferroni over planned looks": partial(theirs, "bonferroni"),
}


@lru_cache
def simulated(who: str, like: Rollout) -> Sample:
    """Repeat a rollout, judged by one rule: how often it was stopped, and after how many units.

    Once: the warm-up is what counts.
    """
    import statistics

    stopped, cpu, wall = [], 0.0, 0.0
    for seed in range(REPEATED):
        made = events(like, seed)
        began = time.process_time(), time.perf_counter()
        stopped.append(RULES[who](like, made))
        cpu, wall = cpu + time.process_time() - began[0], wall + time.perf_counter() - began[1]
    found = [units for units in stopped if units is not None]
    told = {"stopped": len(found) / REPEATED, "units": statistics.median(found) if found else 0.0}
    return Sample(cpu * 1000, wall * 1000, count=REPEATED, found=told)


@lru_cache
def large() -> Any:
    """Make up a million events, of a million units and of fewer."""
    import numpy as np

    from loopline.rollout.units import Rows

    dice, rows = np.random.default_rng(7), 1_000_000
    unit = dice.integers(0, 2**63, 400_000).astype(np.uint64)[dice.integers(0, 400_000, rows)]
    at = np.sort(dice.integers(0, DAYS * DAY, rows))
    values = {"errors": (dice.random(rows) < 0.03) * 1.0, "brier": dice.beta(1, 6, rows)}
    return Rows(unit, unit % np.uint64(10) == 0, at, at, at, values)


def judged(*metrics: str) -> Sample:
    """Judge a million events, from rows to the answer."""
    from loopline.nouns.rolling import Plan, Step, Weighting
    from loopline.rollout.judge import judge
    from loopline.rollout.units import observe

    rows = large()
    plan = Plan("canary", (Step(0.1),), tuple(metric(name) for name in metrics))
    began = time.process_time(), time.perf_counter()
    judge(observe(rows, [Weighting(0, 0.1, 0)], plan, until=9 * DAYS * DAY), plan)
    return Sample((time.process_time() - began[0]) * 1000, (time.perf_counter() - began[1]) * 1000)


def cases(place: Path) -> list[Case]:
    """A million events, then every rollout by every rule."""
    del place
    made = [
        Case(LARGE, "loopline", partial(judged, "brier"), "one metric"),
        Case(LARGE + ", errors and Brier", "loopline", partial(judged, "errors", "brier")),
    ]
    return made + [
        Case(what, who, partial(simulated, who, like), rounds=1)
        for what, like in {**ALIKE, **WORSE}.items()
        for who in RULES
    ]


def notes(measured: list[Measured]) -> str:
    """Write what came out: how often each rule stopped, and after how many units."""
    found = {(one.what, one.who): one.found for one in measured}
    head = ["| | " + " | ".join(RULES) + " |", "| --- |" + " ---: |" * len(RULES)]
    alarms = [f"| {what} | " + " | ".join(_alarm(found.get((what, who), {})) for who in RULES) + " |" for what in ALIKE]
    power = [f"| {what} | " + " | ".join(_power(found.get((what, who), {})) for who in RULES) + " |" for what in WORSE]
    return "\n".join(
        [
            f"False alarms: how often a candidate that is as good was stopped (bold: more than {ALPHA:.0%} allow for).", "",
            *head, *alarms, "", "Power: how often a candidate that is worse was stopped, and after how many units of both arms",
            "(median of those stopped). A rule that stops good ones is quick.", "", *head, *power,
        ]
    )  # fmt: skip


def _alarm(found: dict[str, float]) -> str:
    if not found:
        return "–"
    beyond = ALPHA + 2 * (ALPHA * (1 - ALPHA) / REPEATED) ** 0.5
    return f"**{found['stopped']:.1%}**" if found["stopped"] > beyond else f"{found['stopped']:.1%}"


def _power(found: dict[str, float]) -> str:
    if not found:
        return "–"
    return f"{found['stopped']:.0%}, {found['units']:,.0f}" if found["stopped"] else "never"
