"""flow: the value stream of changes: waiting, running, reviewing, rolling; where most time goes, and what less would do.

Every moment between the first work on what a change moves and the moment when it is current belongs to one stage. What runs is
running, even while somebody reviews; else, from when a change can be reviewed (it is proposed, and its first check has ended)
until the last answer to it, it is reviewed; once traffic begins to shift it rolls; and when nothing of that happens it waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from loopline.insights.sums import Sample, quantile, spread
from loopline.nouns.insight import Stage, Stream

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

STAGES: Final = ("waiting", "running", "reviewing", "rolling")
Name = Literal["waiting", "running", "reviewing", "rolling"]
LaneName = Literal["all", "code", "data", "model", "other"]
Parts = tuple[int, int, int, int]
"""How long a change was in each of STAGES."""


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
    start = min(way.begun, way.proposed, way.finished)
    roll = way.finished if way.rolling is None else min(max(way.rolling, start), way.finished)
    running = reviewing = 0
    answered = min(way.answered, roll) if way.answered is not None else 0
    ready = _ready(way, answered)
    here = start
    for began, ended in sorted(way.runs):
        begin, end = max(began, here), min(ended, roll)
        if end <= begin:
            continue
        reviewing += max(0, min(begin, answered) - max(here, ready))
        running += end - begin
        here = end
    reviewing += max(0, min(roll, answered) - max(here, ready))
    rolling = way.finished - roll
    return way.finished - start - running - reviewing - rolling, running, reviewing, rolling


def _ready(way: Way, answered: int) -> int:
    """Give when one could begin to review: before its first check has ended there is nothing to look at."""
    checked = min(((begin, end) for begin, end in way.runs if begin >= way.proposed), default=None)
    return checked[1] if checked and checked[1] <= answered else way.proposed


def stream(lane: LaneName, ways: Sequence[tuple[Way, Parts]], window: Window) -> Stream:
    """Put the ways of many changes together. The bottleneck is the stage in which most of their time went.

    A change that was current in the moment it was proposed, with nothing run for it, has no way: it is counted, and left out.
    """
    gone = [(way, parts) for way, parts in ways if any(parts)] or ways
    split_up = [parts for _, parts in gone]
    whole = [sum(parts) for parts in split_up]
    samples = [Sample(way.finished, length, way.change) for (way, _), length in zip(gone, whole, strict=True)]
    at_once = len(ways) - len(gone)
    lead = spread("lead time", samples, window, why=f"and {at_once} that were current at once" if at_once else "")
    if not any(whole):
        return Stream(lane, lead)
    stages = tuple(_stage(place, split_up, whole) for place in range(len(STAGES)))
    worst = max(stages, key=lambda one: one.share)
    said = f"{worst.name} takes {worst.share:.0%} of the time; half of it: {-worst.halved:.0%} less on average"
    return Stream(lane, lead, sum(whole) / len(whole), stages, worst.name, said)


def _stage(place: int, split_up: Sequence[Parts], whole: Sequence[int]) -> Stage:
    names: Sequence[Name] = STAGES
    some = sorted([parts[place] for parts in split_up])
    return Stage(names[place], quantile(some, 0.5) or 0.0, quantile(some, 0.9) or 0.0, sum(some) / sum(whole))


def wait_share(of: Stream) -> float | None:
    """Give the share of the time in which changes waited, for their turn or for somebody."""
    return sum(one.share for one in of.stages if one.name in ("waiting", "reviewing")) if of.stages else None


def by_lane(ways: Sequence[Way], lanes: Mapping[str, Iterable[str]], window: Window) -> tuple[Stream, ...]:
    """Give the stream of all changes, and that of each lane that has some. `lanes` has the lanes of a change."""
    split_up = [(way, split(way)) for way in ways]
    found = [stream("all", split_up, window)]
    names: tuple[LaneName, ...] = ("code", "data", "model", "other")
    for name in names:
        some = [one for one in split_up if name in (lanes.get(one[0].change) or ("other",))]
        if some:
            found.append(stream(name, some, window))
    return tuple(found)
