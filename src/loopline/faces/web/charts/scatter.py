"""scatter: two numbers of each thing, many numbers of each thing, and groups of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopline.faces.web.charts.axes import Box, grid, room_for
from loopline.faces.web.charts.scale import Scale, brief, extent, roomy, ticks
from loopline.faces.web.charts.svg import frame, node, nothing, shorten, table, text
from loopline.faces.web.words import number

if TYPE_CHECKING:
    from markupsafe import Markup

SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", "M-4 -4h8v8h-8z", "M0 -5L5 4H-5z", "M0 -5L5 0L0 5L-5 0z", "M-4 -4L4 4M4 -4L-4 4",
)  # fmt: skip
"""Beside the colour a shape tells groups apart."""
MOST = 2000


@dataclass(frozen=True, slots=True)
class Dot:
    """One thing in two numbers."""

    x: float
    y: float
    name: str = ""
    tone: int = 1
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in many numbers; a text stands for its place among the texts of its axis."""

    name: str
    values: Sequence[float | str | None]
    tone: int = 1


def scatter(
    dots: Sequence[Dot], *, title: str, x_name: str, y_name: str, width: float = 420, height: float = 260
) -> Markup:
    """Draw dots. Where there are too many, evenly chosen ones stand for all."""
    real = [dot for dot in dots if math.isfinite(dot.x) and math.isfinite(dot.y)]
    if not real:
        return nothing(title, "no values are numbers" if dots else "nothing to draw", width=width)
    every = max(1, -(-len(real) // MOST))
    ends_x, ends_y = extent(dot.x for dot in real), extent(dot.y for dot in real)
    (x_low, x_high), (y_low, y_high) = roomy(*(ends_x or (0, 1))), roomy(*(ends_y or (0, 1)))
    up = [(tick, brief(tick)) for tick in ticks(y_low, y_high, 4)]
    box = Box(width, height, left=room_for([label for _, label in up]), top=24, bottom=38)
    x, y = Scale(x_low, x_high, *box.x), Scale(y_low, y_high, *box.y)
    body = [grid(box, x, y, across=[(tick, brief(tick)) for tick in ticks(x_low, x_high, 5)], up=up)]
    body += [text(4, 12, shorten(y_name, 40)), text(box.x[1], height - 4, shorten(x_name, 40), anchor="end")]
    for dot in real[::every]:
        shape = SHAPES[(dot.tone - 1) % len(SHAPES)]
        said = node("title", f"{dot.name} {x_name} {number(dot.x)}, {y_name} {number(dot.y)}".strip()[:200])
        mark = node(
            "path", said, d=shape, transform=f"translate({x(dot.x):.1f} {y(dot.y):.1f})", class_=f"mark k{dot.tone}"
        )
        body.append(node("a", mark, href=dot.href) if dot.href else mark)
    desc = f"{len(real)} points; {x_name} {number(x_low)} to {number(x_high)}, {y_name} {number(y_low)} to {number(y_high)}"
    rows = [(dot.name[:80], number(dot.x), number(dot.y)) for dot in real[:: max(1, len(real) // 50)]]
    links = any(dot.href for dot in real)
    return frame(*body, width=width, height=height, title=title, desc=desc, links=links) + table(
        ("", x_name[:40], y_name[:40]), rows, label=f"Numbers of {title}"
    )


def box_plot(groups: Sequence[tuple[str, Sequence[float]]], *, title: str, width: float = 420) -> Markup:
    """Draw quartiles, whiskers to the last value within 1.5 of their distance, and what lies beyond (Tukey 1977)."""
    kept = [(name, sorted(v for v in values if math.isfinite(v))) for name, values in groups]
    ends = extent(v for _, values in kept for v in values)
    if ends is None:
        return nothing(title, "no values are numbers", width=width)
    low, high = roomy(*ends)
    left = min(max((6.4 * len(shorten(name, 24)) for name, _ in kept), default=0) + 14, width * 0.4)
    box = Box(width, 30 * len(kept) + 30, left=left, top=4, bottom=26)
    x, y = Scale(low, high, *box.x), Scale(0, len(kept), box.top, box.height - box.bottom)
    body = [grid(box, x, y, across=[(tick, brief(tick)) for tick in ticks(low, high, 5)], up=())]
    rows = []
    for row, (name, values) in enumerate(kept):
        middle = y(row) + 15
        body.append(text(left - 10, middle + 3.5, shorten(name, 24), anchor="end", class_="strong"))
        if not values:
            rows.append((name[:80], 0, "–", "–", "–"))
            continue
        q1, median, q3 = (quantile(values, share) for share in (0.25, 0.5, 0.75))
        reach = 1.5 * (q3 - q1)
        inner = [v for v in values if q1 - reach <= v <= q3 + reach] or [median]
        a, b = x(inner[0]), x(inner[-1])
        body.append(
            node(
                "path",
                d=f"M{a:.1f} {middle:.1f}H{b:.1f}M{a:.1f} {middle - 4:.1f}v8M{b:.1f} {middle - 4:.1f}v8",
                class_="axis",
            )
        )
        body.append(
            node("rect", x=x(q1), y=middle - 8, width=max(x(q3) - x(q1), 1.5), height="16", rx="2", class_="card")
        )
        body.append(node("path", d=f"M{x(median):.1f} {middle - 8:.1f}v16", class_="line k1"))
        outer = [v for v in values if not q1 - reach <= v <= q3 + reach]
        body += [
            node("circle", cx=x(v), cy=middle, r="2", class_="mark k1") for v in outer[:: max(1, len(outer) // 100)]
        ]
        rows.append((name[:80], len(values), number(q1), number(median), number(q3)))
    desc = ", ".join(f"{row[0]}: median {row[3]}" for row in rows[:12])
    drawn = frame(*body, width=width, height=box.height, title=title, desc=desc)
    return drawn + table(
        ("", "values", "lower quartile", "median", "upper quartile"), rows, label=f"Numbers of {title}"
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Give a quantile of sorted values, between neighbours by their distance (Hyndman and Fan 1996, type 7)."""
    at = (len(ordered) - 1) * share
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def parallel(
    axes: Sequence[str], lines: Sequence[Line], *, title: str, width: float = 860, height: float = 260
) -> Markup:
    """Draw each thing as a line over parallel axes (Inselberg 1985): what goes with what."""
    if len(axes) < 2 or not lines:
        return nothing(title, "there are fewer than two things to hold against each other", width=width)
    top, bottom, left, right = 34.0, height - 12.0, 46.0, width - 46.0
    places = [left + (right - left) * i / (len(axes) - 1) for i in range(len(axes))]
    rulers = [_ruler([line.values[i] for line in lines], top, bottom) for i in range(len(axes))]
    body: list[Markup] = []
    for at, name, (_, labels) in zip(places, axes, rulers, strict=True):
        body.append(node("path", d=f"M{at:.1f} {top:.1f}V{bottom:.1f}", class_="axis"))
        body.append(text(at, 14, shorten(name, max(8, int(900 / len(axes) / 7))), anchor="middle", class_="strong"))
        body += [text(at + 5, y + 3.5, shorten(label, 14)) for y, label in labels]
    for line in lines:
        points = [(at, ruler(value)) for at, (ruler, _), value in zip(places, rulers, line.values, strict=True)]
        path, pen = "", False
        for at, y in points:
            path += "" if y is None else f"{'L' if pen else 'M'}{at:.1f} {y:.1f}"
            pen = y is not None
        if path:
            body.append(
                node("path", node("title", line.name[:80]), d=path, class_=f"line k{line.tone}", data_series=line.tone)
            )
            body += [
                node("circle", cx=at, cy=y, r="3", class_=f"k{line.tone}", data_series=line.tone)
                for at, y in points
                if y is not None
            ]
    rows = [(line.name[:80], *(_said(value) for value in line.values)) for line in lines]
    desc = f"{len(lines)} lines over {', '.join(axes)}"
    return frame(*body, width=width, height=height, title=title, desc=desc, class_="plot wide") + table(
        ("", *(name[:60] for name in axes)), rows, label=f"Numbers of {title}"
    )


def _ruler(values: Sequence[float | str | None], top: float, bottom: float):  # type: ignore[no-untyped-def]  # noqa: ANN202 (a closure and its labels)
    numbers = [value for value in values if isinstance(value, (int, float))]
    ends = extent(numbers)
    if ends and not any(isinstance(value, str) for value in values):
        low, high = roomy(*ends) if ends[0] == ends[1] else ends
        scale = Scale(low, high, bottom, top)
        labels = [(scale(tick), brief(tick)) for tick in ticks(low, high, 4)]
        return (lambda v: scale(v) if isinstance(v, (int, float)) and math.isfinite(v) else None), labels
    words = sorted({_said(value) for value in values if value is not None})
    step = (bottom - top) / max(len(words), 1)
    at = {word: bottom - step * (i + 0.5) for i, word in enumerate(words)}
    every = max(1, len(words) // 8)
    labels = [(at[word], word) for word in words[::every]]
    return (lambda v: at.get(_said(v)) if v is not None else None), labels


def _said(value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(value)
