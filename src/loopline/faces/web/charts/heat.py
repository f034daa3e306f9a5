"""heat: a table of differences as shades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from loopline.faces.web.charts.scale import extent
from loopline.faces.web.charts.svg import frame, node, nothing, shorten, table, text
from loopline.faces.web.words import number, signed

if TYPE_CHECKING:
    from markupsafe import Markup

HIGH = 26.0


class Cell(NamedTuple):
    """One difference: how large, and whether it is `good`, `bad` or, where nobody can tell, `off`."""

    value: float
    tone: str


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell | None]],
    *,
    title: str,
    width: float = 640,
) -> Markup:
    """Draw differences as shades, each with its number where there is room.

    Each column has its own scale, from none to its largest, so that metrics of other units stand beside each other.
    """
    real = [[one if one is not None and math.isfinite(one.value) else None for one in row] for row in cells]
    ends = extent(one.value for row in real for one in row if one is not None)
    if ends is None or not rows or not columns:
        return nothing(title, "no values are numbers", width=width)
    left = min(max(6.4 * len(shorten(name, 24)) for name in rows) + 14, width * 0.35)
    side = (width - left) / len(columns)
    most = [max((abs(row[c].value) for row in real if row[c]), default=0.0) or 1.0 for c in range(len(columns))]  # type: ignore[union-attr]
    body = [
        text(left + side * (i + 0.5), 14, shorten(name, max(3, int(side / 6.6))), anchor="middle")
        for i, name in enumerate(columns)
    ]
    for r, name in enumerate(rows):
        y = 22 + r * HIGH
        body.append(text(left - 10, y + HIGH / 2 + 3.5, shorten(name, 24), anchor="end", class_="strong"))
        for c, cell in enumerate(real[r]):
            if cell is None:
                continue
            spot = {"x": left + c * side + 1, "y": y + 1, "width": max(side - 2, 1.0), "height": HIGH - 2, "rx": "3"}
            told = node("title", f"{name}, {columns[c]}: {signed(cell.value)}"[:200])
            shade = f"{0.06 + 0.34 * abs(cell.value) / most[c]:.2f}"
            body.append(node("rect", told, **spot, class_=f"s-{cell.tone}", fill_opacity=shade))
            if side > 46:
                where = (left + (c + 0.5) * side, y + HIGH / 2 + 3.5)
                body.append(text(*where, signed(cell.value), anchor="middle", class_="strong"))
    desc = f"from {number(ends[0])} to {number(ends[1])}"
    drawn = frame(*body, width=width, height=24 + HIGH * len(rows), title=title, desc=desc)
    lines = [
        (name[:80], *("–" if one is None else signed(one.value) for one in real[r])) for r, name in enumerate(rows)
    ]
    return drawn + table(("", *(one[:60] for one in columns)), lines, label=f"Numbers of {title}")
