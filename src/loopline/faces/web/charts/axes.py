"""axes: the frame of a chart with two axes: grid, ticks, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopline.faces.web.charts.scale import Scale
from loopline.faces.web.charts.svg import join, node, text

if TYPE_CHECKING:
    from markupsafe import Markup

Tick = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Box:
    """Where the plot stands inside of its picture."""

    width: float
    height: float
    left: float = 44
    right: float = 12
    top: float = 10
    bottom: float = 24

    @property
    def x(self) -> tuple[float, float]:
        """From the left edge to the right one."""
        return self.left, self.width - self.right

    @property
    def y(self) -> tuple[float, float]:
        """From the bottom edge to the top one."""
        return self.height - self.bottom, self.top


def room_for(labels: Sequence[str]) -> float:
    """Give the width that labels beside an axis need."""
    return 12 + 6.3 * max((len(label) for label in labels), default=1)


def grid(box: Box, x: Scale, y: Scale, *, across: Sequence[Tick], up: Sequence[Tick], name: str = "") -> Markup:
    """Draw lines and labels for the ticks; labels that would run into each other are left out."""
    (left, right), (bottom, top) = box.x, box.y
    parts = []
    for value, label in up:
        at = y(value)
        parts.append(node("path", d=f"M{left:.1f} {at:.1f}H{right:.1f}", class_="grid"))
        parts.append(text(left - 8, at + 3.5, label, anchor="end"))
    taken = -1e9
    for value, label in across:
        at, half = x(value), 3.2 * len(label)
        if at - half < taken:
            continue
        taken = at + half + 8
        anchor = "end" if at + half > box.width else "middle"
        parts.append(text(min(at, box.width) if anchor == "end" else at, bottom + 16, label, anchor=anchor))
    parts.append(node("path", d=f"M{left:.1f} {bottom:.1f}H{right:.1f}", class_="axis"))
    if name:
        parts.append(text(right, top - 1, name, anchor="end"))
    return join(parts)
