"""graph: things and what they hang together with (dag), and things over time (timeline)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopline.faces.web.charts.axes import Box, grid
from loopline.faces.web.charts.layers import arrange
from loopline.faces.web.charts.scale import Scale, said, span_ticks
from loopline.faces.web.charts.svg import frame, join, node, nothing, place, shorten, table, text
from loopline.faces.web.words import span, tone

if TYPE_CHECKING:
    from markupsafe import Markup

CARD = (132.0, 44.0)
GAP = (36.0, 14.0)
WIDEST = 204.0
"""Where there are few columns, cards have room for longer names."""
ROW = 26.0


@dataclass(frozen=True, slots=True)
class Node:
    """One thing of a graph."""

    id: str
    name: str
    note: str = ""
    state: str = ""
    href: str = ""
    hot: bool = False
    """Whether it is on the path that matters."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One thing over time, in microseconds; `end` None: it goes on."""

    name: str
    start: int
    end: int | None
    state: str = ""
    note: str = ""
    href: str = ""
    hot: bool = False


def dag(nodes: Sequence[Node], edges: Sequence[tuple[str, str]], *, title: str) -> Markup:
    """Draw a graph from left to right. Nodes that are links can be walked by Tab."""
    if not nodes:
        return nothing(title, "nothing to draw")
    known = {one.id: one for one in nodes}
    laid = arrange(list(known), edges)
    (narrow, high), (gap_x, gap_y) = CARD, GAP
    wide = min(max(narrow, (900 - 4 + gap_x) / laid.width - gap_x), WIDEST)

    def at(column: float, row: float) -> tuple[float, float]:
        return 2 + column * (wide + gap_x), 2 + row * (high + gap_y)

    paths = []
    for (a, b), way in laid.ways.items():
        start_x, start_y = at(laid.columns[a], laid.rows[a])
        end_x, end_y = at(laid.columns[b], laid.rows[b])
        points = [(start_x + wide, start_y + high / 2)]
        for column, row in way:
            left, top = at(column, row)
            points += [(left, top + high / 2), (left + wide, top + high / 2)]
        points.append((end_x - 5, end_y + high / 2))
        paths.append((_curve(points), known[a].hot and known[b].hot, points[-1]))
    body = [
        node("path", d=d, class_=f"edge{' hot' if hot else ''}") for d, hot, _ in sorted(paths, key=lambda one: one[1])
    ]
    body += [node("path", d=f"M{x - 3:.1f} {y - 4:.1f}l7 4l-7 4z", class_="tip") for _, _, (x, y) in paths]
    body += [_card(one, *at(laid.columns[one.id], laid.rows[one.id]), wide) for one in nodes]
    width, height = laid.width * (wide + gap_x) - gap_x + 4, laid.height * (high + gap_y) - gap_y + 4
    desc = "; ".join(f"{known[a].name} leads to {known[b].name}" for a, b in list(laid.ways)[:20])
    drawn = frame(
        *body,
        width=max(width, 900),
        height=height,
        title=title,
        desc=desc,
        class_="plot natural",
        links=any(one.href for one in nodes),
        natural=width * 0.85 if width > 900 else None,
    )
    rows = [
        (one.name[:80], one.state, one.note, ", ".join(known[a].name for a, b in laid.ways if b == one.id))
        for one in nodes
    ]
    return drawn + table(("", "state", "", "needs"), rows, label=f"Numbers of {title}", summary="As a table")


def _card(one: Node, x: float, y: float, wide: float) -> Markup:
    high = CARD[1]
    letters = int((wide - (42 if one.state else 24)) / 6.6)
    drawn = join([
        node("title", f"{one.name} {one.state} {one.note}".strip()[:200]),
        node("rect", x=x, y=y, width=wide, height=high, rx="8", class_=f"card{' hot' if one.hot else ''}"),
        _state(one.state, x + 16, y + high / 2) if one.state else "",
        text(x + (30 if one.state else 12), y + (18 if one.note else 26), shorten(one.name, letters), class_="strong"),
        text(x + (30 if one.state else 12), y + 34, shorten(one.note, letters + 2)) if one.note else "",
    ])
    return node("a", drawn, href=one.href) if one.href else node("g", drawn)


def _state(state: str, x: float, y: float) -> Markup:
    """Draw the sign of a state: a shape and a colour."""
    shapes = {
        "good": "M-4 .5l3 3l5 -7", "bad": "M-3.5 -3.5l7 7M3.5 -3.5l-7 7", "live": "M-3 -4l7 4l-7 4z",
        "kept": "M-4 0h8M0 -4v8", "wait": "M0 -4v4l3 2", "off": "M-4 0h8",
    }  # fmt: skip
    look = tone(state)
    return node(
        "g", node("circle", cx="0", cy="0", r="8", class_=f"s-{look}"), node("path", d=shapes[look], class_="stamp"),
        transform=f"translate({place(x)} {place(y)})",
    )  # fmt: skip


def _curve(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        half = (to_x - x) / 2
        path += (
            f"H{to_x:.1f}"
            if to_y == y
            else f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    return path


def timeline(rows: Sequence[Stretch], *, title: str, now: int, width: float = 860) -> Markup:
    """Draw what happened when, from the first start on. What is on the critical path has a frame."""
    if not rows:
        return nothing(title, "nothing has begun")
    start = min(one.start for one in rows)
    end = max([one.end if one.end is not None else now for one in rows] + [start + 1])
    left = min(max(6.6 * len(shorten(one.name, 24)) for one in rows) + 16, width * 0.3)
    box = Box(width, ROW * len(rows) + 34, left=left, right=112, top=4, bottom=26)
    x = Scale(0, float(end - start), *box.x)
    y = Scale(0, len(rows), box.top, box.height - box.bottom)
    across = [(one * 1e6, said(one)) for one in span_ticks((end - start) / 1e6, 6)]
    body = [grid(box, x, y, across=across, up=())]
    told = []
    for number, one in enumerate(rows):
        top = y(number) + 5
        a, b = x(one.start - start), x((one.end if one.end is not None else now) - start)
        bar = node("rect", x=a, y=top, width=max(b - a, 3.0), height=ROW - 10, rx="3", class_=f"s-{tone(one.state)}")
        parts = [
            node("title", f"{one.name}: {one.state} {one.note}".strip()[:200]),
            text(left - 12, top + 12, shorten(one.name, 24), anchor="end", class_="strong"),
            bar,
            node("rect", x=a - 2.5, y=top - 2.5, width=max(b - a, 3.0) + 5, height=ROW - 5, rx="5", class_="hotmark")
            if one.hot
            else "",
            text(min(b + 8, width - 104), top + 12, shorten(one.note, 17)) if one.note else "",
        ]
        body.append(node("a", *parts, href=one.href) if one.href else node("g", *parts))
        took = span((one.end if one.end is not None else now) - one.start)
        told.append((one.name[:80], one.state, span(one.start - start), took, "yes" if one.hot else ""))
    hot = ", ".join(one.name for one in rows if one.hot)
    desc = f"{len(rows)} in {span(end - start)}{f'; the critical path is {hot}' if hot else ''}"
    drawn = frame(
        *body,
        width=width,
        height=box.height,
        title=title,
        desc=desc,
        class_="plot wide",
        links=any(one.href for one in rows),
    )
    return drawn + table(
        ("", "state", "began after", "took", "critical path"), told, label=f"Numbers of {title}", summary="As a table"
    )
