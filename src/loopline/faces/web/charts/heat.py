"""heat: a table of numbers as shades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from loopline.faces.web.charts.scale import Scale, extent
from loopline.faces.web.charts.svg import frame, node, shorten, table, text
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
    cells: Sequence[Sequence[float | Cell | None]],
    *,
    title: str,
    width: float = 640,
) -> Markup:
    """Draw numbers as shades, each with its number where there is room.

    Plain numbers share one scale from the lowest to the highest. Of differences (`Cell`) each column has its own, from none to
    the largest of that column, so that metrics of other units stand beside each other.
    """
    values = [[one.value if isinstance(one, Cell) else one for one in row] for row in cells]
    ends = extent(v for row in values for v in row if v is not None)
    if ends is None or not rows or not columns:
        rail = node("rect", x="0", y="0", width=width, height="60", rx="6", class_="rail")
        words = "no values are numbers"
        return frame(rail, text(width / 2, 34, words, anchor="middle"), width=width, height=60, title=title, desc=words)
    left = min(max(6.4 * len(shorten(name, 24)) for name in rows) + 14, width * 0.35)
    side = (width - left) / len(columns)
    whole = Scale(*ends, 0.0, 1.0)
    most = [max((abs(row[c]) for row in values if _real(row[c])), default=0.0) or 1.0 for c in range(len(columns))]  # type: ignore[arg-type]
    body = [
        text(left + side * (i + 0.5), 14, shorten(name, max(3, int(side / 6.6))), anchor="middle")
        for i, name in enumerate(columns)
    ]
    for r, name in enumerate(rows):
        y = 22 + r * HIGH
        body.append(text(left - 10, y + HIGH / 2 + 3.5, shorten(name, 24), anchor="end", class_="strong"))
        for c, cell in enumerate(cells[r]):
            value = values[r][c]
            if value is None or not math.isfinite(value):
                continue
            look, share, said = "bar-mark k1", whole(value), number(value)
            if isinstance(cell, Cell):
                look, share, said = f"s-{cell.tone}", abs(value) / most[c], signed(value)
            spot = {"x": left + c * side + 1, "y": y + 1, "width": max(side - 2, 1.0), "height": HIGH - 2, "rx": "3"}
            told = node("title", f"{name}, {columns[c]}: {said}"[:200])
            body.append(node("rect", told, **spot, class_=look, fill_opacity=f"{0.06 + 0.34 * share:.2f}"))
            if side > 46:
                body.append(text(left + (c + 0.5) * side, y + HIGH / 2 + 3.5, said, anchor="middle", class_="strong"))
    desc = f"from {number(ends[0])} to {number(ends[1])}"
    drawn = frame(*body, width=width, height=24 + HIGH * len(rows), title=title, desc=desc)
    lines = [(name[:80], *("–" if v is None else number(v) for v in values[r])) for r, name in enumerate(rows)]
    return drawn + table(("", *(one[:60] for one in columns)), lines, label=f"Numbers of {title}")


def _real(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
