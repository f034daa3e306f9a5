"""units: recorded events become observations, one of each unit and step, in an order that nobody can choose.

What is drawn by chance is a unit's place in 0..1 (its hash), not its events: a client that sends a thousand errors is one
observation. What an arm does to a unit must have no say in whether, when or in which place the unit is counted, so
- a unit is seen from its first event of a step on, for the window that the metric declares, and not beyond;
- it counts at the end of that window (and the maturity), whenever its labels came; later labels never count;
- those that count at the same time stand in the order of their hashes.
What is counted by a moment is therefore a beginning of what is counted later, and looking again changes nothing that was seen.

The *propensity* of a unit is the chance that it had to meet the candidate, given what its arms under earlier weights have told
about its place: under w, w for a unit not seen before; (w - v)/(1 - v) for one that met the baseline under v; 1 for one that
met the candidate under a smaller weight. Where it is 0 or 1, the unit tells nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from loopline.nouns.rolling import Judged, Plan, Weighting

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

NEVER: Final = (1 << 63) - 1
"""When a label is known that nobody has told."""
_MICROSECOND: Final = timedelta(microseconds=1)
_LEAST: Final = 1e-3
"""Propensities nearer to 0 or 1 than this are as good as certain: such a unit would weigh a thousand others."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Recorded events of both arms, as columns. Those with equal unit and times count in the order in which they are given."""

    unit: Array
    """uint64: hash of whom it is about, of the event itself where nobody said. Another one than splits the traffic: those that
    count at the same time stand in its order."""
    candidate: Array
    """bool: whether the candidate answered (or, of a shadow, listened)."""
    seen: Array
    """int64: when it was answered, by the clock by which weights moved. Microseconds, as all times."""
    at: Array
    """int64: its event time."""
    known: Array
    """int64: when its label was known; NEVER: not yet. By the clock of event times."""
    values: Mapping[str, Array]
    """By metric, float64. A loss; 1 or 0 for an event; a latency. NaN: there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One metric of every unit that counts, in order."""

    unit: Array
    step: Array
    candidate: Array
    """Of a shadow all True: each unit met both arms."""
    p: Array
    """Propensity; of a shadow 1/2."""
    value: Array
    """At the arm that it met; of a shadow at the candidate. NaN: there is none."""
    other: Array | None = None
    """Of a shadow alone: at the baseline."""

    def __len__(self) -> int:
        """Count units."""
        return len(self.unit)

    def only(self, which: Array) -> Sample:
        """Keep some of them, in their order."""
        other = None if self.other is None else self.other[which]
        return Sample(
            self.unit[which], self.step[which], self.candidate[which], self.p[which], self.value[which], other
        )


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """What a judge looks at."""

    samples: Mapping[str, Sample]
    """By metric."""
    step: int
    """Of the plan: that of the newest weight."""
    flipped: int = 0
    certain: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Rows put together by unit and stretch of one weight; rows are in that order, by event time within."""

    rows: Rows
    begin: Array
    """First row of each group."""
    of: Array
    """Group of each row."""
    place: Array
    """Place of each row in its group."""
    stretch: Array
    first: Array
    """Event time of the first row."""
    usable: Array
    """Whether its propensity is neither 0 nor 1 and its arms are what the weights say."""
    p: Array


def observe(
    rows: Rows, weights: Sequence[Weighting], plan: Plan, *, until: int, labelled_until: int | None = None
) -> Observations:
    """Make observations of all events since the first weight, as far as they count by `until` (event time).

    labelled_until: up to when labels have come, where that is earlier: a unit whose maturity ends later does not count yet in a
    metric that needs them.

    weights: ascending, the whole history of the rollout. Rows of a plan by slice are those of the members in force alone. Rows
    before the first weight are left out. The same rows, weights and plan give the same observations; a later `until` adds to
    them at the end.
    """
    groups, flipped, certain = _grouped(rows, weights, plan)
    steps = _steps(weights)
    labels = until if labelled_until is None else min(until, labelled_until)
    samples = {
        one.metric: _sample(one, groups, plan, until=labels if one.labelled else until, steps=steps)
        for one in plan.metrics
    }
    return Observations(samples, weights[-1].step if weights else -1, flipped, certain)


def _steps(weights: Sequence[Weighting]) -> Array:
    import numpy as np

    return np.asarray([one.step for one in weights], dtype=np.int64)


def _grouped(rows: Rows, weights: Sequence[Weighting], plan: Plan) -> tuple[_Groups, int, int]:
    import numpy as np

    mine, stretch = _ordered(rows, weights)
    new = np.ones(len(stretch), dtype=bool)
    new[1:] = (mine.unit[1:] != mine.unit[:-1]) | (stretch[1:] != stretch[:-1])
    begin = np.flatnonzero(new)
    of = np.cumsum(new) - 1
    place = np.arange(len(stretch)) - begin[of]
    p = np.full(len(begin), 0.5)
    flipped = certain = np.zeros(len(begin), dtype=bool)
    if plan.kind != "shadow" and len(begin):
        seen = (mine.at - mine.at[begin][of]) <= max(
            (_window(one, plan) for one in plan.metrics), default=timedelta()
        ) // _MICROSECOND
        first = mine.candidate[begin]
        both = np.add.reduceat((seen & (mine.candidate != first[of])).astype(np.int64), begin) > 0
        shares = np.asarray([one.weight for one in weights], dtype=np.float64)
        p, excluded = _propensities(mine.unit[begin], stretch[begin], first, shares)
        flipped = both | excluded
        certain = ~flipped & ((p < _LEAST) | (p > 1 - _LEAST))
    groups = _Groups(mine, begin, of, place, stretch[begin], mine.at[begin], ~flipped & ~certain, p)
    return groups, int(np.count_nonzero(flipped)), int(np.count_nonzero(certain))


def _ordered(rows: Rows, weights: Sequence[Weighting]) -> tuple[Rows, Array]:
    """Sort rows by unit, stretch of one weight, and event time; give the stretch of each."""
    import numpy as np

    starts = np.asarray([one.since for one in weights], dtype=np.int64)
    stretch = np.searchsorted(starts, rows.seen, side="right") - 1
    order = np.flatnonzero(stretch >= 0)
    if not _ascending(rows.at[order]):
        order = order[np.lexsort((rows.seen[order], rows.at[order]))]
    if len(starts) > 1:
        order = order[np.argsort(stretch[order].astype(np.int16), kind="stable")]
    order = order[np.argsort(rows.unit[order], kind="stable")]
    mine = Rows(
        rows.unit[order], rows.candidate[order].astype(bool), rows.seen[order], rows.at[order], rows.known[order],
        {name: np.asarray(values, dtype=np.float64)[order] for name, values in rows.values.items()},
    )  # fmt: skip
    return mine, stretch[order]


def _ascending(times: Array) -> bool:
    import numpy as np

    return bool(np.all(times[1:] >= times[:-1]))


def _propensities(unit: Array, stretch: Array, candidate: Array, shares: Array) -> tuple[Array, Array]:
    """Give the propensity of each group, and whether the weights exclude the arm it met. Groups of a unit follow each other."""
    import numpy as np

    new = np.ones(len(unit), dtype=bool)
    new[1:] = unit[1:] != unit[:-1]
    whose = np.cumsum(new) - 1
    rank = np.arange(len(unit)) - np.flatnonzero(new)[whose]
    low, high = np.zeros(whose[-1] + 1), np.ones(whose[-1] + 1)
    """The unit's place is in low..high, as its arms so far have told."""
    p, excluded = np.empty(len(unit)), np.zeros(len(unit), dtype=bool)
    for turn in range(int(rank.max()) + 1):
        now = np.flatnonzero(rank == turn)
        who, weight, met = whose[now], shares[stretch[now]], candidate[now]
        a, b = low[who], high[who]
        p[now] = np.clip((weight - a) / (b - a), 0.0, 1.0)
        excluded[now] = np.where(met, p[now] <= 0, p[now] >= 1)
        told = ~excluded[now]
        low[who] = np.where(told & ~met, np.maximum(a, weight), a)
        high[who] = np.where(told & met, np.minimum(b, weight), b)
    return p, excluded


def _sample(one: Judged, groups: _Groups, plan: Plan, *, until: int, steps: Array) -> Sample:
    import numpy as np

    window = _window(one, plan)
    wait = window + (plan.maturity if one.labelled else timedelta())
    ready = _after(groups.rows.unit[groups.begin], groups.first + wait // _MICROSECOND)
    counts = groups.usable & (ready <= until)
    chosen = np.flatnonzero(counts)
    chosen = chosen[np.argsort(ready[chosen], kind="stable")]  # groups are by unit and stretch: that breaks ties
    value, other = _valued(one, groups, plan, window // _MICROSECOND)
    candidate = groups.rows.candidate[groups.begin[chosen]]
    return Sample(
        groups.rows.unit[groups.begin[chosen]],
        steps[groups.stretch[chosen]] if len(chosen) else np.zeros(0, dtype=np.int64),
        np.ones(len(chosen), dtype=bool) if other is not None else candidate,
        groups.p[chosen], value[chosen], None if other is None else other[chosen],
    )  # fmt: skip


def _window(one: Judged, plan: Plan) -> timedelta:
    if one.kind == "latency":
        return timedelta()
    return plan.unit_window if one.window is None else one.window


def _after(unit: Array, ready: Array) -> Array:
    """Let no unit count in a later step before it did in an earlier one."""
    import numpy as np

    same = unit[1:] == unit[:-1]
    while True:
        raised = np.append(ready[:1], np.where(same, np.maximum(ready[1:], ready[:-1]), ready[1:]))
        if np.array_equal(raised, ready):
            return ready
        ready = raised


def _valued(one: Judged, groups: _Groups, plan: Plan, window: int) -> tuple[Array, Array | None]:
    """Give the metric of each group; of a shadow at the candidate, and at the baseline."""
    import numpy as np

    rows = groups.rows
    value = rows.values.get(one.metric)
    if value is None:
        value = np.full(len(rows.unit), np.nan)
    good = np.isfinite(value) & (rows.at - groups.first[groups.of] <= window)
    if one.labelled:
        good &= (rows.known != NEVER) & (rows.known - rows.at <= plan.maturity // _MICROSECOND)
    if plan.kind != "shadow":
        return _folded(one, groups, value, good & (groups.place < (1 if one.kind == "latency" else plan.cap))), None
    sides = []
    for side in (rows.candidate, ~rows.candidate):
        nth = np.cumsum(side) - side
        nth = nth - nth[groups.begin][groups.of] if len(nth) else nth
        sides.append(_folded(one, groups, value, good & side & (nth < (1 if one.kind == "latency" else plan.cap))))
    return sides[0], sides[1]


def _folded(one: Judged, groups: _Groups, value: Array, good: Array) -> Array:
    import numpy as np

    if not len(groups.begin):
        return np.zeros(0)
    if one.kind == "loss":
        value = np.clip(value, one.low, one.high)
    elif one.kind == "events":
        value = (value > 0).astype(np.float64)
    sums = np.add.reduceat(np.where(good, value, 0.0), groups.begin)
    rows = np.add.reduceat(good.astype(np.float64), groups.begin)
    found = np.full(len(sums), np.nan)
    np.divide(sums, rows, out=found, where=rows > 0)
    return (found > 0) * 1.0 + np.where(np.isnan(found), np.nan, 0.0) if one.kind == "events" else found
