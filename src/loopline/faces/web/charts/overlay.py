"""overlay: a column as it is over the same column as it was: where the values of a window lie against those of its reference."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from loopline.faces.web.charts.axes import Box, grid
from loopline.faces.web.charts.scale import Scale, brief, ticks
from loopline.faces.web.charts.svg import frame, node, nothing, shorten, table
from loopline.faces.web.words import number

if TYPE_CHECKING:
    from loopline.nouns.profile import ColumnProfile

WIDE, HIGH = 150.0, 34.0
BINS = 22
"""Bins of a picture. A profile has more, of equal counts and not of equal widths."""
SINGLE = 33
"""Numbers that training had, up to which each has a bar of its own: the hours of a day, the days of a month."""
VALUES = 10
"""Categories that have a bar of their own; the rest are put together."""
_TAIL = 3.0
"""How many times longer than its middle a range may be before its ends are cut off."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One bar: the share of the rows that lies in it, now and before."""

    name: str
    now: float
    before: float
    start: float | None = None
    """Where a bin begins; None: it has a name of its own."""


def overlay(window: ColumnProfile, reference: ColumnProfile, *, title: str) -> Markup:
    """Draw bars for the window and an outline for its reference, with axes and the numbers behind them."""
    pairs = pairs_of(window, reference)
    if not pairs:
        return nothing(title, "nothing to compare", width=420)
    most = max(max(one.now, one.before) for one in pairs) or 1.0
    up = [(tick, f"{tick:.0%}") for tick in ticks(0, most, 3)]
    box = Box(420, 158, left=42)
    x, y = Scale(0, len(pairs), *box.x), Scale(0, most, *box.y)
    labels = _labels(pairs, box)
    body = [grid(box, x, y, across=labels, up=up), *_drawn(pairs, x, y)]
    desc = f"Bars: {window.rows:,} rows of the window. Outline: {reference.rows:,} rows of training."
    rows = [(one.name[:80], f"{one.now:.1%}", f"{one.before:.1%}") for one in pairs]
    drawn = frame(*body, width=box.width, height=box.height, title=title, desc=desc)
    return drawn + table(("", "window", "training"), rows, label=f"Numbers of {title}")


def small(window: ColumnProfile, reference: ColumnProfile) -> Markup:
    """Draw the same for a cell of a table."""
    pairs = pairs_of(window, reference)
    if not pairs:
        return Markup("")
    most = max(max(one.now, one.before) for one in pairs) or 1.0
    x, y = Scale(0, len(pairs), 0, WIDE), Scale(0, most, HIGH, 2)
    widest = max(pairs, key=lambda one: abs(one.now - one.before))
    desc = f"{len(pairs)} bars; the largest difference at {widest.name[:40]}: {widest.now:.1%}, in training {widest.before:.1%}"
    return frame(
        *_drawn(pairs, x, y),
        width=WIDE,
        height=HIGH,
        title=f"Values of {window.name[:80]}",
        desc=desc,
        class_="plot small-plot",
    )


def pairs_of(window: ColumnProfile, reference: ColumnProfile) -> list[Pair]:
    """Put both into the same bars: categories, single numbers where there are few, else bins of equal width."""
    if reference.values or window.values:
        return _categories(window, reference)
    if not reference.edges or len(window.counts) != len(reference.counts):
        return []
    now, before = _shares(window.counts), _shares(reference.counts)
    if len(reference.edges) <= SINGLE:
        names = [f"≤ {number(reference.edges[0])}", *(number(edge) for edge in reference.edges[1:])]
        names.append(f"> {number(reference.edges[-1])}")
        return _trimmed([Pair(*one) for one in zip(names, now, before, strict=True)])
    return _equal(reference.edges, now, before)


def _categories(window: ColumnProfile, reference: ColumnProfile) -> list[Pair]:
    now = dict(zip(window.values, _shares([*window.frequencies, window.others]), strict=False))
    before = dict(zip(reference.values, _shares([*reference.frequencies, reference.others]), strict=False))
    ordered = sorted({*now, *before}, key=lambda name: (-max(now.get(name, 0), before.get(name, 0)), name))
    pairs = [Pair(name or "(empty)", now.get(name, 0.0), before.get(name, 0.0)) for name in ordered[:VALUES]]
    rest = Pair(
        "others",
        max(0.0, (1.0 if now else 0.0) - sum(one.now for one in pairs)),
        max(0.0, (1.0 if before else 0.0) - sum(one.before for one in pairs)),
    )
    return [*pairs, rest] if max(rest.now, rest.before) > 1e-9 else pairs


def _equal(edges: Sequence[float], now: Sequence[float], before: Sequence[float]) -> list[Pair]:
    """Cut into bins of equal width, as if values lay evenly between two edges; what is outside has a bar at each end."""
    low, high = edges[0], edges[-1]
    first, last = edges[1], edges[-2]
    if high - low > _TAIL * (last - first) > 0:
        low, high = first, last
    step = (high - low) / BINS
    if not (math.isfinite(step) and step > 0):
        return []
    cuts = [low + step * i for i in range(BINS)] + [high]
    upto_now, upto_before = ([_below(edges, shares, cut) for cut in cuts] for shares in (now, before))
    names = [brief(0.0 if abs(cut) < step * 1e-6 else float(f"{cut:.4g}")) for cut in cuts]
    inner = [
        Pair(
            f"{names[i]} – {names[i + 1]}", upto_now[i + 1] - upto_now[i], upto_before[i + 1] - upto_before[i], cuts[i]
        )
        for i in range(BINS)
    ]
    below = Pair(f"≤ {names[0]}", upto_now[0], upto_before[0])
    above = Pair(f"> {names[-1]}", 1 - upto_now[-1], 1 - upto_before[-1])
    return _trimmed([below, *inner, above])


def _below(edges: Sequence[float], shares: Sequence[float], value: float) -> float:
    """Give the share of the values up to one."""
    at = bisect_left(edges, value)
    done = sum(shares[:at])
    if 0 < at < len(edges):
        a, b = edges[at - 1], edges[at]
        return done + shares[at] * ((value - a) / (b - a) if b > a else 1.0)
    return done + (shares[at] if at == 0 and value >= edges[0] else 0.0)


def _trimmed(pairs: list[Pair]) -> list[Pair]:
    """Leave out the bar at an end that is empty on both sides."""
    begin = 1 if pairs and max(pairs[0].now, pairs[0].before) < 1e-9 else 0
    end = len(pairs) - 1 if len(pairs) > 1 and max(pairs[-1].now, pairs[-1].before) < 1e-9 else len(pairs)
    return pairs[begin:end]


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts)
    return [one / whole if whole else 0.0 for one in counts]


def _drawn(pairs: Sequence[Pair], x: Scale, y: Scale) -> list[Markup]:
    """Draw bars for now, and the upper edge of what was before."""
    gap = 0.5 if len(pairs) > VALUES + 2 else 2.0
    bars: list[str] = []
    line: list[str] = []
    ground = y(0)
    for i, one in enumerate(pairs):
        a, b = x(i), x(i + 1)
        if one.now > 0:
            bars.append(f"M{a + gap:.1f} {ground:.1f}V{min(y(one.now), ground - 0.7):.1f}H{b - gap:.1f}V{ground:.1f}z")
        line.append(f"{'V' if line else f'M{a:.1f} '}{y(one.before):.1f}H{b:.1f}")
    return [
        node("path", d="".join(bars) or "M0 0", class_="k1 bar-mark soft"),
        node("path", d="".join(line), class_="strong-hair"),
    ]


def _labels(pairs: Sequence[Pair], box: Box) -> list[tuple[float, str]]:
    """Name every bar that has room, else the places where bins begin."""
    side = (box.x[1] - box.x[0]) / len(pairs)
    starts = [(float(i), one.name.partition(" – ")[0]) for i, one in enumerate(pairs) if one.start is not None]
    if not starts:
        return [(i + 0.5, shorten(one.name, max(3, int(side / 6)))) for i, one in enumerate(pairs)]
    return starts[:: max(1, len(starts) // 5)]
