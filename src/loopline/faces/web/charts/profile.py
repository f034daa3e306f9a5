"""profile: one column of a table as a small picture, alone or before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from loopline.faces.web.charts.svg import frame, node

if TYPE_CHECKING:
    from loopline.nouns.preview import Column

WIDE, HIGH = 120.0, 28.0


def profile(new: Column | None, old: Column | None = None) -> Markup:
    """Draw how often values occur: a histogram of numbers, else the most frequent values. The old side is an outline."""
    sides = [one for one in (new, old) if one is not None]
    if not sides:
        return Markup("")
    name = sides[0].name
    if all(one.histogram for one in sides):
        low = min(one.histogram[0].low for one in sides)
        high = max(one.histogram[-1].high for one in sides)
        body = [_bins(one, low, high, outline=one is old) for one in sides]
        told = f"{name}: from {low:.4g} to {high:.4g}"
    else:
        values = list(dict.fromkeys(value.value for one in sides for value in one.top))[:12]
        body = [_shares(one, values, outline=one is old) for one in sides]
        told = f"{name}: " + ", ".join(value[:20] for value in values[:5])
    return frame(*body, width=WIDE, height=HIGH, title=f"Values of {name}", desc=told, class_="plot small-plot")


def _bins(column: Column, low: float, high: float, *, outline: bool) -> Markup:
    """Draw bars over [low, high], or with `outline` their upper edge; heights are shares of the rows."""
    most = max((one.count for one in column.histogram), default=0) or 1
    span = (high - low) or 1.0
    edges = [((one.low - low) / span * WIDE, (one.high - low) / span * WIDE) for one in column.histogram]
    edges = [(a, b) if high > low else (0.0, WIDE) for a, b in edges]
    return _drawn(
        [(a, b, one.count / most) for (a, b), one in zip(edges, column.histogram, strict=True)], outline=outline
    )


def _shares(column: Column, values: Sequence[str], *, outline: bool) -> Markup:
    counts = {one.value: one.count for one in column.top}
    most = max(counts.values(), default=0) or 1
    width = WIDE / max(len(values), 4)
    return _drawn(
        [(at * width + 1, (at + 1) * width - 1, counts.get(value, 0) / most) for at, value in enumerate(values)],
        outline=outline,
    )


def _drawn(bars: Sequence[tuple[float, float, float]], *, outline: bool) -> Markup:
    if outline:
        path = "".join(f"M{a:.1f} {HIGH - share * (HIGH - 2):.1f}H{b:.1f}" for a, b, share in bars)
        return node("path", d=path or "M0 0", class_="hair strong-hair")
    path = "".join(
        f"M{a:.1f} {HIGH:g}V{HIGH - max(share * (HIGH - 2), 0.7):.1f}H{max(b - 0.5, a + 0.5):.1f}V{HIGH:g}z"
        for a, b, share in bars
        if share > 0
    )
    return node("path", d=path or "M0 0", class_="k1 bar-mark")
