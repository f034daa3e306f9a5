"""dora: the five keys of delivery, as DORA has them since 2024, of one ref or of several together.

Throughput: deployment frequency, change lead time, failed-deployment recovery time. Instability: change fail rate, rework rate.
What other tools get wrong about them is closed here; docs/explain/delivery-measures.md has the list.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

from loopline.insights.sums import Group, Sample, Samples, ended, grouped, newest, share, spread, unknown
from loopline.nouns.insight import Measure, Period
from loopline.nouns.postmortem import Failure

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

LaneName = Literal["code", "data", "model"]
UNPLANNED = ("hotfix", "rollback")
Key = tuple[str, str]
"""A deployment: the change, and which of its refs."""


class Deployment(NamedTuple):
    """A move, that happened, of a ref that production lives on."""

    change: str
    ref: str
    lane: LaneName
    finished: int
    kind: str = "planned"
    undoes: str | None = None
    """For a rollback: the change that it takes back."""
    first: bool = False
    """Whether the ref had never been deployed before."""

    @property
    def key(self) -> Key:
        """Name it."""
        return self.change, self.ref


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong with a change in production: an incident, or an alert that was silent about failing."""

    change: str
    opened: int
    resolved: int | None = None
    fixes: tuple[str, ...] = ()
    """Changes that are linked as its fix."""


class Numbers(Sequence[str]):
    """Versions of one asset by their names. A name is written when it is read: of a million, twenty are."""

    __slots__ = ("_asset", "_numbers")

    def __init__(self, asset: str, numbers: Sequence[int]) -> None:
        self._asset, self._numbers = asset, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Numbers: ...
    def __getitem__(self, at: int | slice) -> str | Numbers:
        if isinstance(at, slice):
            return Numbers(self._asset, self._numbers[at])
        return f"{self._asset}@{self._numbers[at]}"


OnMain = tuple[int, int | None]
"""How many units, one after the other, first were on the main branch at a time; None: there is none, or they never were."""


class Brought(NamedTuple):
    """The units of change that a deployment was the first to bring, in order."""

    ids: Sequence[str]
    committed: Sequence[int]
    """When each was made; not later than when the ledger was told."""
    merged: Sequence[OnMain]
    """When they first were on the main branch: what one move of it brought there is told together."""


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that the keys are computed from. Deployments are in the order in which they happened."""

    deployments: Sequence[Deployment]
    troubles: Mapping[str, Sequence[Trouble]]
    """By the change that caused them."""
    units: Mapping[Key, Brought]
    linked: frozenset[str] = frozenset()
    """Changes with an edge to an incident as its fix."""
    before: Mapping[str, int] = field(default_factory=dict)
    """When each ref was deployed last before all of these, if it was: how it went then is not asked."""


def five_keys(record: Record, window: Window, *, lead: str = "") -> tuple[Measure, ...]:
    """Compute them for the deployments that finished in the window. `lead` says what a unit is."""
    asked = [one for one in record.deployments if one.finished in window]
    return (
        frequency(record, asked, window),
        lead_time(asked, record.units, window, why=lead),
        recovery(record, asked, window),
        fail_rate(record, asked, window),
        rework(record, asked, window),
    )


def frequency(record: Record, asked: Sequence[Deployment], window: Window) -> Measure:
    """Count deployments per day of the window, days without any included; planned and unplanned apart; the gap between two."""
    periods = window.periods
    counts = [0] * len(periods)
    for one in asked:
        counts[bisect_right(periods, one.finished) - 1] += 1
    trend = tuple(
        Period(start, counts[place] / window.length(place), None, counts[place], window.whole[place])
        for place, start in enumerate(window.periods)
    )
    last = dict(record.before)
    ends: list[int] = []
    gaps: list[int] = []
    ids: list[str] = []
    for change, ref, _, at, *_ in record.deployments:
        before = last.get(ref)
        if before is not None and window.since <= at < window.until:
            ends.append(at)
            gaps.append(at - before)
            ids.append(change)
        last[ref] = at
    planned = [one for one in asked if one.kind not in UNPLANNED]
    days = math.ceil(window.days - 1e-9)
    active = len({window.day(one.finished) for one in asked})
    parts = (
        _per_day("planned", planned, window),
        _per_day("unplanned", [one for one in asked if one.kind in UNPLANNED], window),
        ended("between two", Samples(ends, gaps, ids), window),
    )
    return Measure(
        "deployment frequency", "per day", len(asked) / window.days, n=len(asked),
        why=f"on {active} of {days} day{'s' if days != 1 else ''}", ids=_ids(asked, window), trend=trend, parts=parts,
    )  # fmt: skip


def lead_time(asked: Iterable[Deployment], units: Mapping[Key, Brought], window: Window, *, why: str = "") -> Measure:
    """Take the time from the making of each unit to the deployment that first brought it.

    The first deployment of a ref brings its whole history and is left out; a rollback and a deployment of the same again bring
    nothing. Until the main branch and from there are told apart: who measures only the second has another number.
    """
    whole: list[Group] = []
    before: list[Group] = []
    after: list[Group] = []
    carriers: list[tuple[int, Brought]] = []
    strays = 0
    for one in asked:
        some = None if one.first or one.kind == "rollback" else units.get(one.key)
        if some is None:
            continue
        at, made = one.finished, some.committed
        carriers.append((at, some))
        whole.append(Group(at, [at - one if one < at else 0 for one in made]))
        until, since = _by_main(some, at)
        strays += len(made) - len(since)
        if since:
            before.append(Group(at, until))
            after.append(Group(at, since))
    if before or not whole:
        note = f"{strays} got there without being on the main branch" if strays else ""
        ids = newest(_merged(carriers), window)
        parts = (
            replace(grouped("to the main branch", before, window, why=note), ids=ids),
            replace(grouped("from there", after, window), ids=ids),
        )
    else:
        none = "none of them was on a branch called main"
        parts = (unknown("to the main branch", "s", none), unknown("from there", "s", none))
    ids = newest((key for _, some in reversed(carriers) for key in reversed(some.ids)), window)
    return replace(grouped("change lead time", whole, window, why=why), ids=ids, parts=parts)


def recovery(record: Record, asked: Sequence[Deployment], window: Window) -> Measure:
    """Take the time from a failed deployment until the first later one of its ref that is linked as the fix, or its end.

    Never the mean; what has not recovered counts with the time so far. A second number counts from when it was noticed.
    """
    whole, noticed = [], []
    for one in failures(record, asked):
        over = one.recovered is not None
        whole.append(Sample(one.finished, one.recovery(window.now), one.change, over=over))
        since = one.mending(window.now)
        if since is not None:
            noticed.append(Sample(one.finished, since, one.change, over=over))
    measure = spread("failed-deployment recovery time", whole, window)
    return replace(measure, parts=(spread("from when it was noticed", noticed, window),))


def failures(record: Record, asked: Iterable[Deployment]) -> Iterator[Failure]:
    """Give those deployments that failed: something was wrong with them, or a later one mended them or took them back."""
    mends = _mends(record)
    for one in asked:
        troubles = record.troubles.get(one.change, ())
        mended = [two for two in mends.get(one.key, ()) if two.finished >= one.finished]
        if not troubles and not mended:
            continue
        noticed = max(one.finished, min(two.opened for two in troubles)) if troubles else None
        end, fix = _recovered(troubles, mended)
        yield Failure(one.change, one.ref, one.lane, one.finished, noticed, end, fix)


def _recovered(troubles: Sequence[Trouble], mended: Sequence[Deployment]) -> tuple[int | None, str]:
    """Give the earlier of the first deployment that mended it, with its change, and the end of all that was wrong."""
    ends: list[tuple[int, str]] = [(one.finished, one.change) for one in mended]
    resolved = [one.resolved for one in troubles]
    if resolved and all(at is not None for at in resolved):
        ends.append((max(at for at in resolved if at is not None), ""))
    return min(ends, key=lambda end: (end[0], not end[1]), default=(None, ""))


def fail_rate(record: Record, asked: Iterable[Deployment], window: Window) -> Measure:
    """Take the share of deployments that failed: those alone that are old enough to have shown it.

    It counts deployments, not incidents. A change that was stopped before it had any traffic is no deployment.
    """
    settled = [one for one in asked if one.finished <= window.now - window.horizon]
    undone = {(one.undoes, one.ref) for one in record.deployments if one.undoes}
    bad = [one for one in settled if record.troubles.get(one.change) or one.key in undone]
    why = f"of those older than {window.horizon / 86_400_000_000:.4g} days" if window.horizon else ""
    return share(
        "change fail rate",
        [(one.finished, one.change) for one in bad],
        [one.finished for one in settled],
        window,
        why=why,
    )


def rework(record: Record, asked: Iterable[Deployment], window: Window) -> Measure:
    """Take the share of deployments that were hotfixes or rollbacks for an incident."""
    every = list(asked)
    again = [one for one in every if one.kind in UNPLANNED and one.change in record.linked]
    hits = [(one.finished, one.change) for one in again]
    return share("deployment rework rate", hits, [one.finished for one in every], window)


def _mends(record: Record) -> dict[Key, list[Deployment]]:
    """Give by what had failed the deployments of the same ref that are linked as its fix, or take it back."""
    fixed: dict[str, set[str]] = {}
    for cause, troubles in record.troubles.items():
        for change in {fix for one in troubles for fix in one.fixes} - {cause}:
            fixed.setdefault(change, set()).add(cause)
    found: dict[Key, list[Deployment]] = {}
    for one in record.deployments:
        for cause in {*fixed.get(one.change, ()), *([one.undoes] if one.undoes else [])}:
            found.setdefault((cause, one.ref), []).append(one)
    return found


def _by_main(some: Brought, at: int) -> tuple[list[int], list[int]]:
    """Give how long units took until they were on the main branch, and how long from there: of those that had been there."""
    until: list[int] = []
    since: list[int] = []
    first = 0
    for count, merged in some.merged:
        if merged is not None and merged <= at:
            made = some.committed if count == len(some.committed) else some.committed[first : first + count]
            until += [merged - one if one < merged else 0 for one in made]
            since += [at - merged] * count
        first += count
    return until, since


def _merged(carriers: Sequence[tuple[int, Brought]]) -> Iterator[str]:
    """Name the units that had been on the main branch, newest first."""
    for at, some in reversed(carriers):
        place = len(some.ids)
        for count, merged in reversed(some.merged):
            if merged is not None and merged <= at:
                yield from (some.ids[here] for here in range(place - 1, place - count - 1, -1))
            place -= count


def _per_day(name: str, some: Sequence[Deployment], window: Window) -> Measure:
    return Measure(name, "per day", len(some) / window.days, n=len(some), ids=_ids(some, window))


def _ids(some: Sequence[Deployment], window: Window) -> tuple[str, ...]:
    return newest((one.change for one in reversed(some)), window)
