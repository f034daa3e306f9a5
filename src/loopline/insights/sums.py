"""sums: medians, the median of what has not all ended, and measures made of samples."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, overload

from loopline.nouns.insight import Measure, Period, Unit

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

SECOND = 1_000_000


class Sample(NamedTuple):
    """One value, when it came about, and what it is of."""

    at: int
    value: float
    id: str
    over: bool = True
    """False: it has not ended; `value` is how long it takes so far."""


class Samples(NamedTuple):
    """Many of them, all of which have ended, as columns in order of time."""

    at: Sequence[int]
    values: Sequence[float]
    ids: Sequence[str]


class Group(NamedTuple):
    """Values that came about together, and what they are of."""

    at: int
    values: Sequence[float]
    ids: Sequence[str] = ()


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Interpolate between the values next to it (type 7 of Hyndman and Fan 1996); None of nothing."""
    if not ordered:
        return None
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def survival(samples: Iterable[Sample], q: float) -> float | None:
    """Give the time by which a share `q` has ended, where some have not (Kaplan and Meier 1958). None: it is not that far.

    What is open at a time counts as open until then. Leaving it out would say that who is slow was never there.
    """
    ordered = sorted((one.value, not one.over) for one in samples)
    at_risk, left = len(ordered), 1.0
    for value, censored in ordered:
        if not censored:
            left *= 1 - 1 / at_risk
            if left <= 1 - q + 1e-12:
                return value
        at_risk -= 1
    return None


def spread(name: str, samples: Sequence[Sample], window: Window, *, unit: Unit = "s", why: str = "") -> Measure:
    """Make a median with its p90, its n, its trend and its list. Samples are in order of time."""
    still = sum(not one.over for one in samples)
    if not still:
        at, values, every, _ = zip(*samples, strict=True) if samples else ((), (), (), ())
        return ended(name, Samples(at, values, every), window, unit=unit, why=why)
    ids = newest((one.id for one in reversed(samples)), window)
    places: list[list[Sample]] = [[] for _ in window.periods]
    for one in samples:
        places[window.place(one.at)].append(one)
    trend = tuple(
        Period(start, survival(some, 0.5), survival(some, 0.9), len(some), whole)
        for start, some, whole in zip(window.periods, places, window.whole, strict=True)
    )
    value = survival(samples, 0.5)
    if value is None:
        why = f"{why}; " * bool(why) + "fewer than half have ended"
    return Measure(
        name, unit, value, survival(samples, 0.9), len(samples), open=still, why=why, ids=ids, trend=trend,
    )  # fmt: skip


def ended(name: str, samples: Samples, window: Window, *, unit: Unit = "s", why: str = "") -> Measure:
    """Make the same of many that have all ended."""
    periods = window.periods
    places: list[list[float]] = [[] for _ in periods]
    for at, value in zip(samples.at, samples.values, strict=True):
        places[bisect_right(periods, at) - 1].append(value)
    ids = newest(reversed(samples.ids), window)
    return _summed(Measure(name, unit, n=len(samples.at), why=why, ids=ids), places, window)


def grouped(name: str, groups: Sequence[Group], window: Window, *, unit: Unit = "s", why: str = "") -> Measure:
    """Make the same of values that came about together, all of which have ended: of a million at once."""
    places: list[list[float]] = [[] for _ in window.periods]
    for one in groups:
        places[bisect_right(window.periods, one.at) - 1] += one.values
    ids = newest((key for one in reversed(groups) for key in reversed(one.ids)), window)
    return _summed(Measure(name, unit, n=sum(map(len, places)), why=why, ids=ids), places, window)


def _summed(one: Measure, places: Sequence[list[float]], window: Window) -> Measure:
    """Give it its quantiles, of all values and of each period. The lists are sorted where they are."""
    for some in places:
        some.sort()
    trend = tuple(
        Period(start, quantile(some, 0.5), quantile(some, 0.9), len(some), whole)
        for start, some, whole in zip(window.periods, places, window.whole, strict=True)
    )
    return replace(one, value=quantile(Joined(places), 0.5), p90=quantile(Joined(places), 0.9), trend=trend)


class Joined(Sequence[float]):
    """What several lists that are in order hold, in order: a place is looked for in them, and nothing is sorted again."""

    __slots__ = ("_lists",)

    def __init__(self, lists: Iterable[Sequence[float]]) -> None:
        self._lists = [some for some in lists if some]

    def __len__(self) -> int:
        return sum(map(len, self._lists))

    @overload
    def __getitem__(self, at: int) -> float: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[float]: ...
    def __getitem__(self, at: int | slice) -> float | Sequence[float]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        lists = self._lists
        lows, highs = [0] * len(lists), list(map(len, lists))
        while True:
            widest = max(range(len(lists)), key=lambda one: highs[one] - lows[one])
            value = lists[widest][(lows[widest] + highs[widest]) // 2]
            before = [bisect_left(some, value) for some in lists]
            after = [bisect_right(some, value) for some in lists]
            if sum(before) <= at < sum(after):
                return value
            if at < sum(before):
                highs = list(map(min, highs, before))
            else:
                lows = list(map(max, lows, after))


def share(
    name: str,
    hits: Sequence[tuple[int, str]],
    whole: Sequence[int],
    window: Window,
    *,
    why: str = "",
    timed: bool = True,
) -> Measure:
    """Make a share: `hits` (time, id) of `whole` (times), with its trend and the list of its numerator."""
    trend = []
    if timed:
        tops, bottoms = [0] * len(window.periods), [0] * len(window.periods)
        for at, _ in hits:
            tops[window.place(at)] += 1
        for at in whole:
            bottoms[window.place(at)] += 1
        trend = [
            Period(start, top / bottom if bottom else None, None, bottom, whole)
            for start, top, bottom, whole in zip(window.periods, tops, bottoms, window.whole, strict=True)
        ]
    value = len(hits) / len(whole) if whole else None
    return Measure(
        name, "share", value, n=len(whole), of=len(hits), why=why,
        ids=newest((one for _, one in reversed(hits)), window), trend=tuple(trend),
    )  # fmt: skip


def unknown(name: str, unit: Unit, why: str) -> Measure:
    """Say that the ledger does not know, and why."""
    return Measure(name, unit, known=False, why=why)


def newest(ids: Iterable[str], window: Window) -> tuple[str, ...]:
    """Keep as many as are told, each once."""
    found: dict[str, None] = {}
    for one in ids:
        if len(found) >= window.limit:
            break
        found[one] = None
    return tuple(found)
