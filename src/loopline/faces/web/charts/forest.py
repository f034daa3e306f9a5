"""forest: differences against a base with their intervals, one row each, around the line of no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from loopline.faces.web.charts.axes import Box, grid
from loopline.faces.web.charts.scale import Scale, brief, extent, roomy, ticks
from loopline.faces.web.charts.svg import frame, node, shorten, table, text
from loopline.faces.web.words import number, signed

ROW = 26.0


@dataclass(frozen=True, slots=True)
class Delta:
    """One difference."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: str = "off"
    """`good` or `bad` where the whole interval is on one side and it is known which side is better."""


def forest(rows: Sequence[Delta], *, title: str, width: float = 460, own: bool = False) -> Markup:
    """Draw each difference as a dot with its interval; what is on both sides of zero may be chance.

    With `own`, each row has a scale of its own, with zero in the middle: for metrics of other units.
    """
    real = [row for row in rows if math.isfinite(row.value)]
    ends = extent([v for row in real for v in (row.value, row.low, row.high, 0.0) if v is not None])
    if not real or ends is None:
        return Markup("")
    low, high = (-1.0, 1.0) if own else roomy(*ends, share=0.08)
    left = min(max(6.6 * len(shorten(row.name, 22)) for row in real) + 16, width * 0.42)
    box = Box(width, ROW * len(real) + (12 if own else 34), left=left, right=76, top=6, bottom=6 if own else 26)
    x, y = Scale(low, high, *box.x), Scale(0, len(real), box.top, box.height - box.bottom)
    across = [] if own else [(tick, brief(tick)) for tick in ticks(low, high, 5)]
    body = [grid(box, x, y, across=across, up=())]
    body.append(node("path", d=f"M{x(0):.1f} {box.top:.1f}V{box.height - box.bottom:.1f}", class_="axis"))
    for at, row in enumerate(real):
        middle = y(at) + ROW / 2
        look = f"s-{row.tone}"
        if own:
            reach = _reach(row)
            x = Scale(-reach, reach, *box.x)
        parts = [
            node("title", _told(row)),
            text(left - 12, middle + 4, shorten(row.name, 22), anchor="end", class_="strong"),
        ]
        if row.low is not None and row.high is not None:
            parts.append(
                node(
                    "rect",
                    x=x(row.low),
                    y=middle - 1.5,
                    width=max(x(row.high) - x(row.low), 1.0),
                    height=3.0,
                    rx="1.5",
                    class_=look,
                )
            )
            parts += [
                node("rect", x=x(end) - 0.75, y=middle - 4, width=1.5, height=8.0, class_=look)
                for end in (row.low, row.high)
            ]
        parts.append(node("circle", cx=x(row.value), cy=middle, r="4.5", class_=look))
        parts.append(text(width - 4, middle + 4, signed(row.value), anchor="end"))
        body.append(node("g", *parts))
    drawn = frame(*body, width=width, height=box.height, title=title, desc="; ".join(map(_told, real[:12])))
    told = [(row.name[:80], signed(row.value), number(row.low), number(row.high)) for row in rows]
    return drawn + table(("", "difference", "from", "to"), told, label=f"Numbers of {title}")


def _reach(row: Delta) -> float:
    """Give how far from zero a row's own scale goes."""
    return 1.06 * max((abs(v) for v in (row.value, row.low, row.high) if v is not None), default=0.0) or 1.0


def _told(row: Delta) -> str:
    between = f", from {number(row.low)} to {number(row.high)}" if row.low is not None and row.high is not None else ""
    return f"{row.name}: {signed(row.value)}{between}"
