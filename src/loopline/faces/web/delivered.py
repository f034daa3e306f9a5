"""delivered: what insights measured, in words and pictures: where time is lost, how it went, what is behind a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.errors import LooplineError
from loopline.faces.web.charts.stages import Part, stages
from loopline.faces.web.charts.trend import Spot, trend
from loopline.faces.web.drawn import Picture
from loopline.faces.web.words import plural, span

if TYPE_CHECKING:
    from markupsafe import Markup

    from loopline.ledger.ledger import Tables
    from loopline.nouns.insight import Insights, Measure, Stream

TONES: Final = {"waiting": 5, "running": 1, "reviewing": 4, "rolling": 3}
"""The colour of each stage."""
MEANT: Final = {
    "waiting": "nothing ran, and nobody was asked",
    "running": "the run that made it, or its checks",
    "reviewing": "it could be looked at, and the last answer was still to come",
    "rolling": "traffic shifted to it, step by step",
}
SECTIONS: Final = ("delivery", "changes", "learning", "friction")
"""Parts of the page that have numbers, as the table has them."""
TRENDS: Final = ("local feedback", "time to verdict", "queue time", "review turnaround")
"""Numbers of friction whose course is drawn."""


class Lost(NamedTuple):
    """Where most time of changes goes, in a sentence or two."""

    stage: str
    said: str
    then: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing behind a number."""

    id: str
    kind: str
    """Change, run, version, ref, incident, alert or task; empty: nobody here knows it."""
    title: str = ""
    state: str = ""
    at: int | None = None


def lost(stream: Stream) -> Lost | None:
    """Say it; None where nothing was applied, or all at once."""
    worst = next((one for one in stream.stages if one.name == stream.bottleneck), None)
    if worst is None:
        return None
    said = (
        f"takes {percent(worst.share)} of the time of {plural(stream.lead.n, 'change')} between the first work and being current:"
        f" {MEANT[worst.name]}"
    )
    then = stream.mean * (1 + worst.halved)
    told = f"Halve it: {percent(-worst.halved)} less, {span(then)} on average in place of {span(stream.mean)}."
    return Lost(worst.name, said, told)


def percent(share: float, *, digits: int = 0) -> str:
    """Write a share; its sign does not stand alone on the next line."""
    return f"{100 * share:.{digits}f}\u00a0%"


def sentence(text: str) -> str:
    """Begin a sentence with a large letter and end it with one dot."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def bar(stream: Stream, *, height: float = 46, named: bool = True) -> Markup:
    """Draw how the time of changes divides among the stages."""
    parts = [Part(one.name, one.share, TONES[one.name], one.name == stream.bottleneck) for one in stream.stages]
    whose = "all changes" if stream.lane == "all" else f"changes of {stream.lane}"
    return stages(parts, title=f"Where the time of {whose} goes", height=height, named=named)


def amount(one: Measure, value: float | None) -> str:
    """Write a value in its unit."""
    if value is None:
        return "–"
    if one.unit == "s":
        return span(value) if value else "0"
    if one.unit == "share":
        return percent(value, digits=0 if value in (0, 1) or value >= 0.095 else 1)
    return f"{value:.3g}" if one.unit == "count" else f"{value:.3g} {one.unit}"


def courses(found: Insights, zone: tzinfo = UTC) -> list[Picture]:
    """Draw how the numbers went over time: of changes, of each lane that has some, of what friction has."""
    drawn = [_course(one.lead, "Lead time of all changes", zone) for one in found.streams[:1] if one.lead.n]
    drawn += [
        _course(one, f"{one.name.capitalize()}, {lane.name}", zone)
        for lane in found.lanes
        for one in lane.measures
        if one.trend and one.n and one.of != 0
    ]
    drawn += [_course(one, one.name.capitalize(), zone) for one in found.friction if one.name in TRENDS and one.n]
    return drawn


def _course(one: Measure, title: str, zone: tzinfo) -> Picture:
    spots = [Spot(at.start, at.value, at.p90, at.n, at.whole) for at in one.trend]
    drawing = trend(spots, title=title, unit=one.unit, zone=zone, bars=one.unit == "per day")
    return Picture(title, drawing, "a day" if one.unit == "per day" else "")


def find_measure(found: Insights, section: str, of: str, measure: str, part: str) -> Measure | None:
    """Find a number by where it stands, as the table of `loopline insights --csv` says that."""
    groups: dict[str, Callable[[], Iterable[Measure]]] = {
        "delivery": lambda: _of_lane(found, of),
        "changes": lambda: [one.lead for one in found.streams if one.lane == of],
        "learning": lambda: found.learning,
        "friction": lambda: found.friction,
    }
    one = next((one for one in groups.get(section, tuple)() if one.name == measure), None)
    return next((inner for inner in one.parts if inner.name == part), None) if one is not None and part else one


def _of_lane(found: Insights, of: str) -> Sequence[Measure]:
    for lane in found.lanes:
        for name, measures in ((lane.name, lane.measures), *((ref.ref, ref.measures) for ref in lane.refs)):
            if name == of:
                return measures
    return ()


def items(tx: Tables, project: str, ids: Sequence[str]) -> list[Item]:
    """Look up what ids stand for."""
    return [_item(tx, project, one) for one in ids]


def _item(tx: Tables, project: str, one: str) -> Item:
    if "@" in one:
        return Item(one, "version" if one.rpartition("@")[2].isdigit() else "ref", one)
    for read in (_change, _run, _incident, partial(_alert, project), _task):
        with suppress(LooplineError):
            return read(tx, one)
    return Item(one, "")


def _change(tx: Tables, one: str) -> Item:
    found = tx.changes.get(one)
    state = found.state if found.kind == "planned" else found.kind
    return Item(one, "change", found.reason or str(found.moves[0]), state, found.closed_at or found.created_at)


def _run(tx: Tables, one: str) -> Item:
    found = tx.runs.get(one)
    return Item(one, "run", found.name, found.state.value, found.ended_at or found.started_at)


def _incident(tx: Tables, one: str) -> Item:
    found = tx.incidents.get(one)
    return Item(one, "incident", found.title, "resolved" if found.resolved_at else "open", found.opened_at)


def _alert(project: str, tx: Tables, one: str) -> Item:
    found = tx.alerts.get(project, one)
    return Item(one, "alert", found.summary, "resolved" if found.resolved_at else "open", found.opened_at)


def _task(tx: Tables, one: str) -> Item:
    found = tx.tasks.get(one)
    return Item(one, "task", found.verb, found.state.value, found.started_at)
