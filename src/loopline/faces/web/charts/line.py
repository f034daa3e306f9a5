"""line: curves over steps or time, as lines or as stairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal

from markupsafe import Markup

from loopline.faces.web.charts.axes import Box, Tick, grid, room_for
from loopline.faces.web.charts.layers import apart
from loopline.faces.web.charts.scale import (
    MOST as LARGEST,
)
from loopline.faces.web.charts.scale import (
    Scale,
    brief,
    extent,
    log_ticks,
    roomy,
    said,
    span_ticks,
    ticks,
    time_ticks,
    whole_ticks,
)
from loopline.faces.web.charts.svg import frame, legend, node, nothing, table, text
from loopline.faces.web.words import number
from loopline.verbs.decimating import decimated

DASHES = ("", "", "", "", "7 4", "2 4", "7 4", "2 4", "9 3 2 3", "9 3 2 3")
"""By colour: from the fifth on a second sign tells curves apart."""
MOST = 600
"""Points of a curve that are drawn: more than a screen shows beside each other."""
LETTER = 11.0
"""Height of a letter at the end of a curve."""
Across = Literal["step", "time", "elapsed"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One series. `xs` never fall: steps, microseconds since the epoch, or microseconds since the start."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    tone: int = 1
    """Number of its colour, 1 to 10."""
    sign: str = ""
    """A letter at its end, where several are drawn."""


def line(
    curves: Sequence[Curve],
    *,
    title: str,
    across: Across = "step",
    log: bool = False,
    stairs: bool = False,
    width: float = 440,
    height: float = 170,
    most: int = MOST,
    named: bool = True,
    zone: tzinfo = UTC,
    floor: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Draw curves over one axis. Gaps are where a value is no number; an infinite one stands at the edge.

    Without `named` a legend stands elsewhere. The axis holds `floor` where that is given; `marks` are places where something
    happened, each with its name.
    """
    xs = extent(x for curve in curves for x in curve.xs)
    shown = [y for curve in curves for y in curve.ys if math.isfinite(y) and (y > 0 or not log)]
    ys = extent(shown)
    if xs is None or ys is None:
        return _nothing(curves, title, width, height)
    low, high = (ys if ys[0] < ys[1] else (ys[0] / 2 or ys[0], min(ys[1] * 2, LARGEST))) if log else roomy(*ys)
    if floor is not None:
        low, high = min(floor, ys[0]), max(high, floor + 1e-9)
    up = [(value, brief(value)) for value in (log_ticks(low, high) if log else ticks(low, high, 4))]
    box = Box(width, height, left=room_for([label for _, label in up]), right=22 if len(curves) > 1 else 12)
    x, y = Scale(*_wide(xs, across), *box.x), Scale(low, high, *box.y, log)
    body = [grid(box, x, y, across=_across(x, across, zone), up=up), *_marks(marks, x, box)]
    odd = 0
    ends: list[tuple[float, float, Curve]] = []
    for curve in curves:
        kept = decimated(curve.xs, curve.ys, most)
        odd += sum(not math.isfinite(value) for value in curve.ys)
        parts, end = _curve(curve, kept, x, y, stairs=stairs)
        body += parts
        ends += [(*end, curve)] if parts and curve.sign else []
    body += _signs(ends)
    desc = _told(curves, odd)
    drawn = frame(
        *body, width=width, height=height, title=title, desc=desc, data_chart="line", data_across=across,
        data_x=f"{x.low!r} {x.high!r} {x.start:.1f} {x.end:.1f}", data_y=f"{y.low!r} {y.high!r} {y.start:.1f} {y.end:.1f}",
        data_log="1" if log else None,
    )  # fmt: skip
    named_by = legend([(c.name, c.tone, DASHES[(c.tone - 1) % 10]) for c in curves]) if named else Markup("")
    return drawn + named_by + _numbers(curves, title)


def _marks(marks: Sequence[tuple[float, str]], x: Scale, box: Box) -> list[Markup]:
    """Draw where something happened, with what that was."""
    drawn = []
    for at, name in marks:
        place, right = x(at), x(at) > box.width * 0.7
        drawn.append(
            node("path", node("title", name[:120]), d=f"M{place:.1f} {box.top:.1f}V{box.y[0]:.1f}", class_="hair")
        )
        drawn.append(
            text(place + (-4 if right else 4), box.top + 4, name[:24], anchor="end" if right else "", class_="strong")
        )
    return drawn


def _signs(ends: Sequence[tuple[float, float, Curve]]) -> list[Markup]:
    """Write the letters at the ends of curves, apart from each other where they would stand on each other."""
    ordered = sorted(ends, key=lambda one: one[1])
    rows = apart([y / LETTER for _, y, _ in ordered])
    return [
        text(x + 6, row * LETTER + 3.5, curve.sign, class_="strong", data_series=curve.tone)
        for (x, _, curve), row in zip(ordered, rows, strict=True)
    ]


def _curve(
    curve: Curve, kept: Sequence[int], x: Scale, y: Scale, *, stairs: bool
) -> tuple[list[Markup], tuple[float, float]]:
    """Draw one; give where it ends."""
    path: list[str] = []
    places: list[tuple[float, float]] = []
    pen = False
    for i in kept:
        value = curve.ys[i]
        if math.isnan(value) or (y.log and value <= 0):
            pen = False
            continue
        end = x(curve.xs[i]), y(value)
        places.append(end)
        if pen and stairs:
            path.append(f"H{end[0]:.1f}V{end[1]:.2f}")
        else:
            path.append(f"{'L' if pen else 'M'}{end[0]:.1f} {end[1]:.2f}")
        pen = True
    if not path:
        return [], (0.0, 0.0)
    dashes = DASHES[(curve.tone - 1) % 10]
    drawn = [
        node(
            "path",
            d="".join(path),
            class_=f"line k{curve.tone}",
            stroke_dasharray=dashes or None,
            data_series=curve.tone,
            data_name=curve.name[:80],
        )
    ]
    size = "3.5" if len(path) == 1 else "2.5"
    for at, (one, after) in enumerate(zip(path, [*path[1:], "M"], strict=True)):
        if one.startswith("M") and after.startswith("M"):  # between two gaps: a line of one point is none
            across, up = places[at]
            drawn.append(node("circle", cx=across, cy=up, r=size, class_=f"k{curve.tone}", data_series=curve.tone))
    return drawn, places[-1]


def _wide(xs: tuple[float, float], across: Across) -> tuple[float, float]:
    """Give one place alone some room: half a day to each side where it is a time."""
    air = 43_200e6 if across == "time" else 1
    return xs if xs[0] < xs[1] else (xs[0] - air, xs[1] + air)


def _across(x: Scale, across: Across, zone: tzinfo) -> list[Tick]:
    if across == "time":
        return [(float(at), label) for at, label in time_ticks(int(x.low), int(x.high), 6, zone)]
    if across == "elapsed":
        return [(one * 1e6, said(one)) for one in span_ticks((x.high - x.low) / 1e6, 6)]
    return [(one, brief(one)) for one in whole_ticks(x.low, x.high, 6)]


def _told(curves: Sequence[Curve], odd: int) -> str:
    told = []
    for curve in curves[:10]:
        real = [value for value in curve.ys if math.isfinite(value)]
        if real:
            first, last, low, high = (number(one) for one in (real[0], real[-1], min(real), max(real)))
            told.append(f"{curve.name[:60]}: from {first} to {last}, between {low} and {high}")
    if odd:
        told.append(f"{odd} values are no finite numbers")
    return ". ".join(told)


def _numbers(curves: Sequence[Curve], title: str) -> Markup:
    rows = []
    for curve in curves:
        real = [value for value in curve.ys if math.isfinite(value)]
        ends = (real[0], real[-1], min(real), max(real)) if real else (None, None, None, None)
        rows.append((curve.name[:80], len(curve.ys), *(number(one) for one in ends)))
    return table(("", "points", "first", "last", "lowest", "highest"), rows, label=f"Numbers of {title}")


def _nothing(curves: Sequence[Curve], title: str, width: float, height: float) -> Markup:
    count = sum(len(curve.ys) for curve in curves)
    return nothing(title, "no value is a number" if count else "no points yet", width=width, height=height)
