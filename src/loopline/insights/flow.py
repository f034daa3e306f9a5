"""flow: the value stream of changes: waiting, running, reviewing, rolling; where most time goes, and what less would do.

Every moment between the first work on what a change moves and the moment when it is current belongs to one stage. What runs is
running, even while somebody reviews; else, from when a change can be reviewed (it is proposed, and its first check has ended)
until the last answer to it, it is reviewed; once traffic begins to shift it rolls; and when nothing of that happens it waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from loopline.insights.sums import Samples, ended, quantile
from loopline.nouns.insight import Stage, Stream

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

Name = Literal["waiting", "running", "reviewing", "rolling"]
STAGES: Final[tuple[Name, ...]] = ("waiting", "running", "reviewing", "rolling")
LaneName = Literal["all", "code", "data", "model", "other"]
LANES: Final[tuple[LaneName, ...]] = ("code", "data", "model", "other")
OTHER: Final = ("other",)
Parts = tuple[int, int, int, int]
"""How long a change was in each of STAGES."""
NOTHING: Final[Parts] = (0, 0, 0, 0)


class Way(NamedTuple):
    """When what happened to one change."""

    change: str
    begun: int
    """When the first work on it was recorded: its run began, its commit was made; at the latest when it was proposed."""
    proposed: int
    finished: int
    runs: tuple[tuple[int, int], ...] = ()
    """From when to when something ran for it: the run that made it, its checks."""
    answered: int | None = None
    """When the last answer of somebody came."""
    rolling: int | None = None
    """When traffic began to shift."""


def split(way: Way) -> Parts:
    """Divide the time of a change among the stages. Together they are exactly its lead time."""
    _, begun, proposed, finished, runs, answer, traffic = way
    start = min(begun, proposed, finished)
    roll = finished if traffic is None else min(max(traffic, start), finished)
    answered = min(answer, roll) if answer is not None else 0
    ready = _ready(way, answered) if runs else proposed
    running = reviewing = 0
    here = start
    for first, last in sorted(runs):
        begin, end = max(first, here), min(last, roll)
        if end <= begin:
            continue
        reviewing += max(0, min(begin, answered) - max(here, ready))
        running += end - begin
        here = end
    if answered:
        reviewing += max(0, min(roll, answered) - max(here, ready))
    rolling = finished - roll
    return finished - start - running - reviewing - rolling, running, reviewing, rolling


def _ready(way: Way, answered: int) -> int:
    """Give when one could begin to review: before its first check has ended there is nothing to look at."""
    checked = min(((begin, end) for begin, end in way.runs if begin >= way.proposed), default=None)
    return checked[1] if checked and checked[1] <= answered else way.proposed


def stream(lane: LaneName, ways: Sequence[tuple[Way, Parts]], window: Window) -> Stream:
    """Put the ways of many changes together. The bottleneck is the stage in which most of their time went.

    A change that was current in the moment it was proposed, with nothing run for it, has no way: it is counted, and left out.
    """
    gone = [one for one in ways if one[1] != NOTHING] or ways
    split_up = [parts for _, parts in gone]
    whole = list(map(sum, split_up))
    samples = Samples([way.finished for way, _ in gone], whole, [way.change for way, _ in gone])
    at_once = len(ways) - len(gone)
    lead = ended("lead time", samples, window, why=f"and {at_once} that were current at once" if at_once else "")
    if not any(whole):
        return Stream(lane, lead)
    total = sum(whole)
    stages = tuple(
        _stage(name, sorted(some), total) for name, some in zip(STAGES, zip(*split_up, strict=True), strict=True)
    )
    worst = max(stages, key=lambda one: one.share)
    said = f"{worst.name} takes {worst.share:.0%} of the time; half of it: {-worst.halved:.0%} less on average"
    return Stream(lane, lead, total / len(whole), stages, worst.name, said)


def _stage(name: Name, some: Sequence[int], total: int) -> Stage:
    return Stage(name, quantile(some, 0.5) or 0.0, quantile(some, 0.9) or 0.0, sum(some) / total)


def wait_share(of: Stream) -> float | None:
    """Give the share of the time in which changes waited, for their turn or for somebody."""
    return sum(one.share for one in of.stages if one.name in ("waiting", "reviewing")) if of.stages else None


def by_lane(ways: Sequence[Way], lanes: Mapping[str, Iterable[str]], window: Window) -> tuple[Stream, ...]:
    """Give the stream of all changes, and that of each lane that has some. `lanes` has the lanes of a change."""
    split_up = [(way, split(way)) for way in ways]
    found = [stream("all", split_up, window)]
    by: dict[str, list[tuple[Way, Parts]]] = defaultdict(list)
    for one in split_up:
        for name in lanes.get(one[0].change) or OTHER:
            by[name].append(one)
    found += [stream(name, by[name], window) for name in LANES if by[name]]
    return tuple(found)
