"""friction: what working here is like, in numbers that the ledger has; what it has not is said.

Every number is one of the team. Definitions follow SPACE and DevEx: several dimensions, system data beside what people say
(`survey`), medians with p90 and n. Lines, commits or reviews by person are never counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loopline.insights.sums import Sample, newest, share, spread, unknown
from loopline.insights.survey import FEWEST
from loopline.nouns.insight import Measure

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

DAY: Final = 86_400_000_000
MINUTE: Final = 60_000_000
SOON: Final = 21 * DAY
"""A move that was taken back within this time was rework."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the ledger has recorded of a window, as rows; each is explained where it is read (ledger/effort.py)."""

    made: int | None = None
    green: int | None = None
    newcomers: Sequence[tuple[int, int | None]] = ()
    feedback: Sequence[tuple[str, int, int]] = ()
    verdicts: Sequence[tuple[str, int, int, int, int]] = ()
    """(change, proposed, closed, first verdict, last verdict)"""
    queued: Sequence[tuple[str, str, int, int]] = ()
    repeated: Sequence[tuple[str, int, int, int, int, int]] = ()
    rechecked: Sequence[tuple[str | None, int, int, int]] = ()
    cached: Sequence[tuple[str, int, int]] = ()
    steps: Sequence[int] = ()
    responded: Sequence[tuple[str, int, str, int | None]] = ()
    applied: Sequence[tuple[str, int]] = ()
    """(change, when): what was applied in the window, rollbacks left out."""
    reverted: Mapping[str, int] = field(default_factory=dict)
    """When a change was taken back."""
    approvals: int = 0
    waited: float | None = None
    """The share of the time of changes in which they waited, for their turn or for somebody."""
    reproduced: Sequence[tuple[str, int, int]] = ()
    unplanned: Sequence[tuple[str, int, str]] = ()


def measures(work: Work, window: Window) -> tuple[Measure, ...]:
    """Compute all of them, in the order in which a change meets them."""
    return (
        first_green(work, window),
        feedback(work, window),
        signal(work, window),
        queue(work, window),
        flakes(work, window),
        cache(work, window),
        turnaround(work, window),
        rework(work, window),
        waiting(work),
        handoffs(work),
        reproduction(work, window),
        unplanned(work, window),
        unknown(
            "errors that end a session",
            "share",
            "commands that fail on a terminal are not recorded: they are nobody's business",
        ),
    )


def first_green(work: Work, window: Window) -> Measure:
    """Take the time from the making of the project to its first green run, and for newcomers from their first role to theirs."""
    name = "time to first green run"
    if work.made is None or work.green is None:
        return unknown(
            name, "s", "no run has finished well yet" if work.made is not None else "the project was never begun"
        )
    people = [
        Sample(at, max(0, (window.now if green is None else green) - at), "", over=green is not None)
        for at, green in work.newcomers
    ]
    part = unknown("of newcomers", "s", f"{len(people)} came in this window: fewer than {FEWEST} are not told")
    if len(people) >= FEWEST:
        part = replace(spread("of newcomers", people, window, why="from their first role here"), ids=())
    return Measure(
        name, "s", max(0, work.green - work.made), n=1, why="of the project; when a machine was set up is not known",
        parts=(part,),
    )  # fmt: skip


def feedback(work: Work, window: Window) -> Measure:
    """Take how long checks run that a person has started and waits for."""
    return spread("local feedback", [Sample(at, took, run) for run, at, took in work.feedback], window)


def signal(work: Work, window: Window) -> Measure:
    """Take the time from a proposal until the last check has answered; and until the first has."""
    last = [Sample(closed, max(0, newest_at - made), change) for change, made, closed, _, newest_at in work.verdicts]
    first = [Sample(closed, max(0, oldest - made), change) for change, made, closed, oldest, _ in work.verdicts]
    return replace(spread("time to verdict", last, window), parts=(spread("time to first signal", first, window),))


def queue(work: Work, window: Window) -> Measure:
    """Take the time from when work was asked for until a worker began it, and for each queue."""
    by_queue: dict[str, list[Sample]] = defaultdict(list)
    every = []
    for task, name, asked, begun in work.queued:
        one = Sample(begun, max(0, begun - asked), task)
        every.append(one)
        by_queue[name].append(one)
    parts = tuple(spread(name, by_queue[name], window) for name in sorted(by_queue))
    return replace(spread("queue time", every, window), parts=parts if len(parts) > 1 else ())


def flakes(work: Work, window: Window) -> Measure:
    """Take, of all steps that ran more than once with equal inputs to the byte, the share that passed and failed."""
    both = [(row[1], row[0]) for row in work.repeated if row[2] and row[3]]
    extra = sum(row[4] - row[5] for row in work.repeated if row[2] and row[3])
    whole = share(
        "flake rate", both, [row[1] for row in work.repeated], window, why="by equal inputs, not by equal commits"
    )
    again = [(row[1], row[0] or "") for row in work.rechecked if row[2] and row[3]]
    checks = share("of checks of one head", again, [row[1] for row in work.rechecked], window)
    cost = Measure("cost in reruns", "min", extra / MINUTE, n=len(both))
    return replace(whole, parts=(checks, cost))


def cache(work: Work, window: Window) -> Measure:
    """Take the share of steps that came from the cache, and the minutes that they took when they ran."""
    hits = [(at, run) for run, at, _ in work.cached]
    saved = [0.0] * len(window.periods)
    for _, at, took in work.cached:
        saved[window.place(at)] += took / MINUTE
    minutes = Measure("minutes saved", "min", sum(saved), n=len(hits))
    return replace(share("cache-hit rate", hits, work.steps or [at for at, _ in hits], window), parts=(minutes,))


def turnaround(work: Work, window: Window) -> Measure:
    """Take the time from a proposal to the first answer or comment of somebody else; what still waits counts as open."""
    samples = [
        Sample(made, max(0, (window.now if first is None else first) - made), change, over=first is not None)
        for change, made, _, first in work.responded
    ]
    return spread("review turnaround", samples, window)


def rework(work: Work, window: Window) -> Measure:
    """Take the share of changes that were taken back within 21 days: of those that are that old, or were taken back."""
    back = work.reverted
    settled = [
        (change, at)
        for change, at in work.applied
        if at <= window.now - SOON or back.get(change, at + SOON + 1) - at <= SOON
    ]
    hits = [(at, change) for change, at in settled if back.get(change, at + SOON + 1) - at <= SOON]
    why = "taken back within 21 days; what was pushed again under review is another change here"
    return share("rework", hits, [at for _, at in settled], window, why=why)


def waiting(work: Work) -> Measure:
    """Take the share of the time of changes in which they waited, for their turn or for somebody."""
    return Measure("wait share", "share", work.waited, n=len(work.applied))


def handoffs(work: Work) -> Measure:
    """Count answers of people for each change that was applied."""
    value = work.approvals / len(work.applied) if work.applied else None
    return Measure(
        "hand-offs",
        "count",
        value,
        n=len(work.applied),
        why="answers for each change; moves by hand elsewhere are not seen",
    )


def reproduction(work: Work, window: Window) -> Measure:
    """Take the share of repeated runs that gave the same bytes."""
    same = [(at, run) for run, at, differ in work.reproduced if not differ]
    why = "" if work.reproduced else "no run was repeated: loopline reproduce"
    return share("reproduce rate", same, [at for _, at, _ in work.reproduced], window, why=why)


def unplanned(work: Work, window: Window) -> Measure:
    """Count incidents, overrides and hotfixes in a week."""
    weeks = window.days / 7
    kinds = ("incident", "override", "hotfix")
    parts = tuple(
        Measure(f"{kind}s" if kind != "hotfix" else "hotfixes", "per week", len(some) / weeks, n=len(some),
                ids=newest(reversed(some), window))
        for kind in kinds
        for some in [[key for what, _, key in work.unplanned if what == kind]]
    )  # fmt: skip
    return Measure(
        "unplanned work", "per week", len(work.unplanned) / weeks, n=len(work.unplanned),
        ids=newest((key for _, _, key in reversed(work.unplanned)), window), parts=parts,
    )  # fmt: skip
