"""measured: what a deployment was asked, how it answered and how good that was, as pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.web.charts.heat import Cell as Shade
from loopline.faces.web.charts.heat import heat
from loopline.faces.web.charts.line import Curve, line
from loopline.faces.web.drawn import Picture
from loopline.faces.web.words import moment, number
from loopline.signals.monitors import BETTER_LOW

if TYPE_CHECKING:
    from loopline.nouns.quality import Cell
    from loopline.nouns.traffic import Bucket

ARMS: Final = 4
"""Arms of one picture."""
MEMBERS: Final = 16
WINDOWS: Final = 14
"""Of a table of shades: the largest members, the newest windows."""
_NOTHING: Final = math.nan


@dataclass(frozen=True, slots=True)
class Part:
    """What one arm did in the whole time."""

    arm: str
    shadow: bool
    requests: int = 0
    rows: int = 0
    errors: int = 0
    refused: int = 0
    p50_us: float = 0.0
    """Of its pieces the median, each by its requests."""
    p99_us: float = 0.0
    """Of its pieces the worst."""


def parts_of(buckets: Sequence[Bucket]) -> list[Part]:
    """Put the pieces of each arm together, those that answer first."""
    found = []
    for arm, shadow in dict.fromkeys((one.arm, one.shadow) for one in buckets):
        mine = [one for one in buckets if (one.arm, one.shadow) == (arm, shadow)]
        total = {name: sum(getattr(one, name) for one in mine) for name in ("requests", "rows", "errors", "refused")}
        timed = sorted((one.p50_us, one.requests) for one in mine if one.p50_us)
        found.append(
            Part(arm, shadow, **total, p50_us=_middle(timed), p99_us=max((one.p99_us for one in mine), default=0.0))
        )
    return sorted(found, key=lambda one: (one.shadow, -one.requests))


def _middle(timed: Sequence[tuple[float, int]]) -> float:
    half, seen = sum(count for _, count in timed) / 2, 0
    for value, count in timed:
        seen += count
        if seen >= half:
            return value
    return 0.0


def traffic_of(
    buckets: Sequence[Bucket], ends: tuple[int, int], step: int, *, marks: Sequence[tuple[int, str]], zone: tzinfo = UTC
) -> list[Picture]:
    """Draw requests a minute, latency and errors over a time; a piece without requests has no latency."""
    start, until = ends[0] // step * step, ends[1]
    times = range(start, until, step)
    arms = [(one.arm, one.shadow) for one in parts_of(buckets)][:ARMS]
    at = {(one.start, one.arm, one.shadow): one for one in buckets}
    names = {arm: f"{arm[0]} (shadow)" if arm[1] else arm[0] for arm in arms}
    shown = [(x, name) for x, name in marks if start <= x < until]
    rates, slow = [], []
    for tone, arm in enumerate(arms):
        mine = [at.get((time, *arm)) for time in times]
        lengths = [max(min(step, until - time), 1) for time in times]
        rate = [one.requests * 60e6 / length if one else 0.0 for one, length in zip(mine, lengths, strict=True)]
        rates.append(Curve(names[arm], times, rate, tone + 1))
        for quantile, extra in (("p50", 0), ("p99", ARMS)):
            values = [_ms(getattr(one, f"{quantile}_us")) if one else _NOTHING for one in mine]
            slow.append(Curve(f"{names[arm]} {quantile}", times, values, tone + 1 + extra))
    whole = [[one for arm in arms if not arm[1] and (one := at.get((time, *arm)))] for time in times]
    bad = [
        Curve("errors (5xx)", times, _shares(whole, "errors"), 7),
        Curve("refused (4xx)", times, _shares(whole, "refused"), 2),
    ]
    told: dict[str, Any] = {"across": "time", "zone": zone, "floor": 0.0, "marks": shown, "width": 480, "height": 140}
    return [
        Picture("Requests a minute", line(rates, title="Requests a minute", **told)),
        Picture(
            "Latency",
            line(slow, title="Latency in milliseconds", **told),
            "milliseconds, of the requests that were answered",
        ),
        Picture("Errors", line(bad, title="Errors in percent", **told), "percent of all requests"),
    ]


def _ms(micros: float) -> float:
    return micros / 1e3 if micros else _NOTHING


def _shares(whole: Sequence[Sequence[Bucket]], name: str) -> list[float]:
    asked = [sum(one.requests for one in several) for several in whole]
    return [
        100 * sum(getattr(one, name) for one in several) / count if count else _NOTHING
        for several, count in zip(whole, asked, strict=True)
    ]


def quality_of(cells: Sequence[Cell], metrics: Sequence[str]) -> list[Picture]:
    """Draw each metric of each arm over time (UTC, as windows are cut), and which share of the predictions has a label."""
    whole = [one for one in cells if not one.slice]
    starts = sorted({one.start for one in whole})
    arms = list(dict.fromkeys(one.arm for one in whole))[:ARMS]
    found = []
    for metric in metrics:
        curves = [
            Curve(arm, starts, [_value(whole, start, arm, metric) for start in starts], tone + 1)
            for tone, arm in enumerate(arms)
        ]
        better = "lower is better" if metric in BETTER_LOW else "higher is better"
        found.append(Picture(metric, line(curves, title=metric, across="time"), better))
    shares = [
        Curve(arm, starts, [_covered(whole, start, arm) for start in starts], tone + 1) for tone, arm in enumerate(arms)
    ]
    drawn = line(shares, title="Coverage in percent", across="time", floor=0.0)
    return [*found, Picture("Coverage", drawn, "percent of the predictions that have a label")]


def _value(cells: Sequence[Cell], start: int, arm: str, metric: str) -> float:
    """Give a metric of the version that answered most in a window."""
    mine = [one for one in cells if (one.start, one.arm) == (start, arm)]
    for one in sorted(mine, key=lambda one: -one.predictions):
        for estimate in one.estimates:
            if estimate.metric == metric:
                return estimate.value
    return _NOTHING


def _covered(cells: Sequence[Cell], start: int, arm: str) -> float:
    mine = [one for one in cells if (one.start, one.arm) == (start, arm)]
    predictions = sum(one.predictions for one in mine)
    return 100 * sum(one.labelled for one in mine) / predictions if predictions else _NOTHING


def slices_of(cells: Sequence[Cell], arm: str, metric: str) -> list[Picture]:
    """Draw how members of slices differ from all rows of their window, as shades; the largest members, the newest windows."""
    mine = [one for one in cells if one.arm == arm]
    starts = sorted({one.start for one in mine})[-WINDOWS:]
    all_rows = {start: _value(_whole(mine), start, arm, metric) for start in starts}
    heads = [_head(start, starts) for start in starts]
    found = []
    for column in dict.fromkeys(one.slice for one in mine if one.slice):
        members = _largest([one for one in mine if one.slice == column])
        values = {(one.member, one.start): one for one in mine if one.slice == column}
        rows = {
            member: [_shade(_of(values.get((member, start)), metric) - all_rows[start], metric) for start in starts]
            for member in members[:MEMBERS]
        }
        kept = [member for member, shades in rows.items() if any(shades)]
        if kept:
            title = f"{metric} by {column}"
            note = f"{arm} against all its rows of that time; blank where labels are too few"
            more = f"; the largest {MEMBERS} of {len(members)}" if len(members) > MEMBERS else ""
            drawing = heat(kept, heads, [rows[member] for member in kept], title=title, width=900)
            found.append(Picture(title, drawing, note + more))
    return found


def _largest(cells: Sequence[Cell]) -> list[str]:
    sizes: dict[str, int] = {}
    for one in cells:
        sizes[one.member] = sizes.get(one.member, 0) + one.predictions
    return sorted(sizes, key=lambda name: (-sizes[name], name))


def _shade(gap: float, metric: str) -> Shade | None:
    if math.isnan(gap):
        return None
    return Shade(round(gap, 3), "good" if (-gap if metric in BETTER_LOW else gap) >= 0 else "bad")


def _head(start: int, starts: Sequence[int]) -> str:
    at = moment(start)
    daily = all(one % 86_400_000_000 == 0 for one in starts)
    return f"{at:%d %b}".lstrip("0") if daily else f"{at:%d %H:%M}"


def _whole(cells: Sequence[Cell]) -> Sequence[Cell]:
    return [one for one in cells if not one.slice]


def _of(cell: Cell | None, metric: str) -> float:
    return next((one.value for one in cell.estimates if one.metric == metric), _NOTHING) if cell else _NOTHING


def table_of(cells: Sequence[Cell], metrics: Sequence[str]) -> list[tuple[Cell, float, list[str]]]:
    """Give cells as rows of a table, newest first: the cell, its coverage, its metrics."""
    rows = []
    for one in sorted(cells, key=lambda one: (-one.start, one.slice, one.arm, -one.predictions)):
        values: Mapping[str, float] = {estimate.metric: estimate.value for estimate in one.estimates}
        told = [number(values.get(metric)) for metric in metrics]
        rows.append((one, one.labelled / one.predictions if one.predictions else 0.0, told))
    return rows
