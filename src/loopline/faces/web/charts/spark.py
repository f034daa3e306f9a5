"""spark: a course as small as a word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loopline.faces.web.charts.scale import Scale
from loopline.faces.web.charts.svg import frame, node
from loopline.faces.web.words import number

if TYPE_CHECKING:
    from markupsafe import Markup

WIDE, HIGH = 150.0, 30.0


def spark(values: Sequence[float], *, title: str) -> Markup:
    """Draw values beside each other, from zero; what is no number is none."""
    values = [value if math.isfinite(value) else 0.0 for value in values]
    most = max([*values, 0]) or 1
    x, y = Scale(0, max(len(values) - 1, 1), 1, WIDE - 1), Scale(0, most, HIGH - 1, 2)
    points = [f"{x(at):.1f} {y(value):.1f}" for at, value in enumerate(values)]
    desc = f"{len(values)} values, the highest {number(most)}, the last {number(values[-1])}" if values else "no values"
    drawn = [
        node("path", d=f"M1 {HIGH:g}L{'L'.join(points)}L{WIDE - 1:g} {HIGH:g}z", class_="area k1"),
        node("path", d="M" + "L".join(points), class_="line k1"),
    ]
    return frame(*(drawn if points else ()), width=WIDE, height=HIGH, title=title, desc=desc, class_="plot small-plot")
