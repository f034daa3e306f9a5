"""trend: a measure by day, week or month: its median and p90, how many it was computed from, and gaps where there is nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final

from loopline.faces.web.charts.axes import Box, grid, room_for
from loopline.faces.web.charts.scale import Scale, brief, said, span_ticks, ticks
from loopline.faces.web.charts.svg import frame, node, nothing, table, text
from loopline.faces.web.words import moment, number, span

if TYPE_CHECKING:
    from markupsafe import Markup

MOST: Final = 60
"""Periods that are drawn: the newest."""
LARGEST: Final = 1e300
FEW: Final = 3
"""Fewer than so many are drawn hollow: a median of two is hardly one."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One period."""

    start: int
    value: float | None
    p90: float | None
    n: int
    whole: bool = True


def trend(
    spots: Sequence[Spot], *, title: str, unit: str = "s", zone: tzinfo = UTC, bars: bool = False, width: float = 420,
    height: float = 170,
) -> Markup:  # fmt: skip
    """Draw a median as a line with dots and its p90 as a dashed one; with `bars`, a rate as bars.

    Nothing is drawn between two periods of which one has nothing: that would be a number that nobody has measured. A period that
    is not whole has a hollow dot or a pale bar, and so has a median of few. Below the axis stands n.
    """
    spots = [replace(one, value=_real(one.value), p90=_real(one.p90)) for one in spots[-MOST:]]
    shown = [value for one in spots for value in (one.value, one.p90) if value is not None]
    if not shown or not any(one.n for one in spots):
        return nothing(title, "nothing in this time", width=width, height=height / 2)
    high = max(shown) or (1e6 if unit == "s" else 1.0)  # what took no time at all stands on an axis of a second
    up = _up(high, unit)
    high = max(high * 1.05, up[-1][0])
    box = Box(width, height, left=room_for([label for _, label in up]), right=8, top=10, bottom=38)
    left, right = box.x
    step = (right - left) / len(spots)
    y = Scale(0.0, high, *box.y)
    drawn = [grid(box, Scale(0, len(spots), left, right), y, across=(), up=up)]
    middle = [left + step * (at + 0.5) for at in range(len(spots))]
    if bars:
        drawn += [_bar(one, x, step, y, box) for one, x in zip(spots, middle, strict=True) if one.value]
    else:
        drawn.append(_line([one.p90 for one in spots], middle, y, "line k2", "5 3"))
        drawn.append(_line([one.value for one in spots], middle, y, "line k1", None))
        drawn += _dots(spots, middle, y)
    drawn += _foot(spots, middle, step, box, zone)
    return frame(*drawn, width=width, height=height, title=title, desc=_told(spots, unit)) + _numbers(
        spots, title, unit, zone
    )


def _real(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and abs(value) < LARGEST else None


def _up(high: float, unit: str) -> list[tuple[float, str]]:
    if unit == "s":
        length = high * 1.05 / 1e6
        found = next((some for count in (3, 4, 6, 9) if len(some := span_ticks(length, count)) > 2), [0.0, length])
        return [(one * 1e6, said(one)) for one in found]
    if unit == "share":
        return [(one, f"{one:.0%}") for one in ticks(0.0, max(high, 0.04), 3)]
    return [(one, brief(one)) for one in ticks(0.0, high, 3)]


def _bar(one: Spot, x: float, step: float, y: Scale, box: Box) -> Markup:
    top, wide = y(one.value or 0.0), max(step * 0.7, 1.0)
    return node(
        "rect", x=x - wide / 2, y=top, width=wide, height=max(box.y[0] - top, 1.0), rx="2",
        class_=f"bar-mark k1{'' if one.whole else ' soft'}",
    )  # fmt: skip


def _line(values: Sequence[float | None], middle: Sequence[float], y: Scale, class_: str, dashes: str | None) -> Markup:
    path, pen = [], False
    for value, x in zip(values, middle, strict=True):
        if value is None:
            pen = False
            continue
        path.append(f"{'L' if pen else 'M'}{x:.1f} {y(value):.1f}")
        pen = True
    return node("path", d="".join(path) or "M0 0", class_=class_, stroke_dasharray=dashes)


def _dots(spots: Sequence[Spot], middle: Sequence[float], y: Scale) -> list[Markup]:
    """Draw a dot for each value: those of one kind in one path, whose ends are round."""
    kinds: dict[str, list[str]] = {"dots k1": [], "dots few k1": [], "dots small k2": []}
    for one, x in zip(spots, middle, strict=True):
        if one.value is not None:
            solid = one.whole and one.n >= FEW
            kinds["dots k1" if solid else "dots few k1"].append(f"M{x:.1f} {y(one.value):.1f}h0")
        if one.p90 is not None and one.p90 != one.value:
            kinds["dots small k2"].append(f"M{x:.1f} {y(one.p90):.1f}h0")
    drawn = [node("path", d="".join(path), class_=kind) for kind, path in kinds.items() if path]
    hollow = kinds["dots few k1"]
    return [*drawn, node("path", d="".join(hollow), class_="dots hole")] if hollow else drawn


def _foot(spots: Sequence[Spot], middle: Sequence[float], step: float, box: Box, zone: tzinfo) -> list[Markup]:
    """Write n below each period, and a date below those that have the room."""
    low, found, day_free, n_free = box.y[0], [], -1e9, -1e9
    for one, x in zip(spots, middle, strict=True):
        count, day = (
            str(one.n) if one.n < 10_000 else brief(one.n),
            _day(one.start, zone, long=len(spots) > 1 and _months(spots)),
        )
        if one.n and x - 3.4 * len(count) > n_free:
            found.append(text(x, low + 14, count, anchor="middle", class_="strong"))
            n_free = x + 3.4 * len(count) + 2
        half = 3.2 * len(day)
        at = min(max(x, half), box.width - half)
        if at - half > day_free and step * len(spots) > 2 * half:
            found.append(text(at, low + 30, day, anchor="middle"))
            day_free = at + half + 10
    found.append(text(box.x[0] - 8, low + 14, "n", anchor="end"))
    return found


def _months(spots: Sequence[Spot]) -> bool:
    return spots[-1].start - spots[-2].start > 20 * 86_400_000_000


def _day(at: int, zone: tzinfo, *, long: bool = False) -> str:
    try:
        local = moment(at).astimezone(zone)
    except OverflowError:
        local = moment(at)
    return f"{local:%Y-%m}" if long else f"{local:%m-%d}"


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    write: dict[str, Callable[[float], str]] = {"s": span, "share": lambda one: f"{one:.0%}"}
    return write.get(unit, number)(value)


def _told(spots: Sequence[Spot], unit: str) -> str:
    real = [one for one in spots if one.value is not None and one.n]
    if not real:
        return ""
    return (
        f"{len(real)} of {len(spots)} periods have something; the first of them {_said(real[0].value, unit)}, "
        f"the last {_said(real[-1].value, unit)}"
    )


def _numbers(spots: Sequence[Spot], title: str, unit: str, zone: tzinfo) -> Markup:
    with_p90 = any(one.p90 is not None for one in spots)
    rows = [
        (
            f"{moment(one.start).astimezone(zone):%Y-%m-%d}" + ("" if one.whole else ", in part"), _said(one.value, unit),
            *((_said(one.p90, unit),) if with_p90 else ()), one.n,
        )
        for one in spots
    ]  # fmt: skip
    heads = ("from", "median", "p90", "n") if with_p90 else ("from", "value", "n")
    return table(heads, rows, label=f"Numbers of {title}")
