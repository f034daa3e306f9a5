"""bar: lengths beside each other, and how often values occur."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopline.faces.web.charts.axes import Box, grid, room_for
from loopline.faces.web.charts.scale import Scale, bins, brief, extent, ticks, whole_ticks
from loopline.faces.web.charts.svg import frame, node, nothing, shorten, table, text
from loopline.faces.web.words import number

if TYPE_CHECKING:
    from markupsafe import Markup

ROW = 24.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with its name."""

    name: str
    value: float
    tone: int = 1
    low: float | None = None
    """Ends of an interval around it, where one is known."""
    high: float | None = None


def bar(bars: Sequence[Bar], *, title: str, width: float = 640, zoomed: bool = False) -> Markup:
    """Draw bars from zero, one under the other.

    With `zoomed`, dots on an axis that need not hold zero: for metrics that hardly differ.
    """
    ends = extent(v for one in bars for v in (one.value, one.low, one.high) if v is not None)
    if ends is None:
        return nothing(title, "no value is a number" if bars else "nothing to draw", width=width)
    low, high = ends if zoomed else (min(ends[0], 0.0), max(ends[1], 0.0))
    if zoomed or low == high:
        air = (high - low) * 0.15 or abs(high) * 0.05 or 1.0
        low, high = low - air, high + air
    left = min(max((6.4 * len(shorten(one.name, 28)) for one in bars), default=0) + 14, width * 0.4)
    box = Box(width, ROW * len(bars) + 30, left=left, right=64, top=4, bottom=26)
    x, y = Scale(low, high, *box.x), Scale(0, len(bars) or 1, box.top, box.height - box.bottom)
    body = [grid(box, x, y, across=[(tick, brief(tick)) for tick in ticks(low, high, 5)], up=())]
    for row, one in enumerate(bars):
        body += _row(one, y(row) + ROW / 2, x, left, zoomed=zoomed, edge=width - 4)
    drawn = frame(*body, width=width, height=box.height, title=title, desc=_told(bars))
    rows = [(one.name[:80], number(one.value)) for one in bars]
    return drawn + table(("", "value"), rows, label=f"Numbers of {title}")


def _row(one: Bar, middle: float, x: Scale, left: float, *, zoomed: bool, edge: float) -> list[Markup]:
    drawn = [text(left - 10, middle + 3.5, shorten(one.name, 28), anchor="end", class_="strong")]
    if not math.isfinite(one.value):
        return [*drawn, text(left + 6, middle + 3.5, number(one.value))]
    at, zero = x(one.value), x(max(min(0.0, x.high), x.low))
    if zoomed:
        drawn.append(node("path", d=f"M{left:.1f} {middle:.1f}H{at:.1f}", class_="grid"))
        drawn.append(node("circle", cx=at, cy=middle, r="5", class_=f"mark k{one.tone}"))
    else:
        drawn.append(
            node(
                "rect",
                x=min(at, zero),
                y=middle - 7,
                width=max(abs(at - zero), 1.0),
                height="14",
                rx="3",
                class_=f"bar-mark k{one.tone}",
            )
        )
    if one.low is not None and one.high is not None and math.isfinite(one.low) and math.isfinite(one.high):
        a, b = x(one.low), x(one.high)
        drawn.append(
            node(
                "path",
                d=f"M{a:.1f} {middle:.1f}H{b:.1f}M{a:.1f} {middle - 4:.1f}v8M{b:.1f} {middle - 4:.1f}v8",
                class_="axis",
            )
        )
    drawn.append(text(edge, middle + 3.5, number(one.value), anchor="end", class_="strong"))
    return drawn


def histogram(
    values: Sequence[float] = (), *, title: str, counts: Sequence[int] = (), edges: Sequence[float] = (), width: float = 420,
    height: float = 150,
) -> Markup:  # fmt: skip
    """Draw how often values occur: of values, or of counts with their edges (one more edge than counts)."""
    if not counts:
        made, between = bins(values)
        counts, edges = made, between
    if not counts or len(edges) != len(counts) + 1 or edges[0] >= edges[-1]:
        return nothing(title, "nothing to count", width=width)
    most = max(counts)
    up = [(tick, brief(tick)) for tick in whole_ticks(0, max(most, 1), 3)]
    box = Box(width, height, left=room_for([label for _, label in up]))
    x, y = Scale(edges[0], edges[-1], *box.x), Scale(0, max(most, 1), *box.y)
    body = [grid(box, x, y, across=[(tick, brief(tick)) for tick in ticks(edges[0], edges[-1], 5)], up=up)]
    for count_, a, b in zip(counts, edges, edges[1:], strict=False):
        if count_:
            body.append(
                node(
                    "rect",
                    x=x(a) + 0.5,
                    y=y(count_),
                    width=max(x(b) - x(a) - 1, 0.8),
                    height=max(y(0) - y(count_), 0.8),
                    class_="bar-mark k1",
                )
            )
    odd = sum(not math.isfinite(value) for value in values)
    desc = f"{sum(counts)} values between {number(edges[0])} and {number(edges[-1])}" + (
        f", {odd} are no numbers" if odd else ""
    )
    rows = [(f"{number(a)} – {number(b)}", n) for n, a, b in zip(counts, edges, edges[1:], strict=False)]
    drawn = frame(*body, width=width, height=height, title=title, desc=desc)
    return drawn + table(("from – to", "values"), rows, label=f"Numbers of {title}")


def _told(bars: Sequence[Bar]) -> str:
    return ", ".join(f"{one.name[:60]} {number(one.value)}" for one in bars[:12])
