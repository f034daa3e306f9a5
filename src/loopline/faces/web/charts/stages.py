"""stages: how a whole divides, as one bar whose parts stand in the order in which they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.faces.web.charts.svg import frame, node, text

if TYPE_CHECKING:
    from markupsafe import Markup

GAP: Final = 2.0
LETTER: Final = 7.2
"""How wide a letter is, about."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part with its share of the whole, from 0 to 1."""

    name: str
    share: float
    tone: int
    most: bool = False
    """Whether it is the one to look at."""


def stages(parts: Sequence[Part], *, title: str, width: float = 960, height: float = 46, named: bool = True) -> Markup:
    """Draw the bar. What has a share gets a place that can be seen; a name stands in its part where it fits."""
    shown = [part for part in parts if 0 < part.share <= 1]
    free = width - GAP * max(len(shown) - 1, 0) - 3.0 * len(shown)
    drawn, x = [], 0.0
    for part in shown:
        wide = 3.0 + free * part.share
        high = height if part.most else height * 0.76
        top = (height - high) / 2
        drawn.append(
            node("rect", node("title", f"{part.name} {100 * part.share:.0f}\u00a0%"), x=x, y=top, width=wide, height=high, rx="4",
                 class_=f"bar-mark k{part.tone}"),
        )  # fmt: skip
        words = next(
            (
                one
                for one in (f"{part.name} {100 * part.share:.0f}\u00a0%", f"{100 * part.share:.0f}\u00a0%")
                if len(one) * LETTER + 12 <= wide
            ),
            "",
        )
        if named and words:
            drawn.append(text(x + wide / 2, height / 2 + 4.5, words, anchor="middle", class_="on-bar"))
        x += wide + GAP
    told = ", ".join(f"{part.name} {100 * part.share:.0f}\u00a0%" for part in parts)
    return frame(
        *drawn, width=width, height=height, title=title, desc=told, class_="plot stages", preserveAspectRatio="none"
    )
