"""decimating: fewer points that still show the same curve; shared by `series` and the charts."""

from __future__ import annotations

import math
from collections.abc import Sequence

MANY = 20_000
"""Points beyond which a curve is first cut to the lowest and the highest of each bucket."""


def decimated(xs: Sequence[float], ys: Sequence[float], limit: int) -> list[int]:
    """Choose at most `limit` (3 or more) indices of a curve whose `xs` never fall, in their order.

    The first and the last stay. Points that are no number take part as gaps: one of each run of them stays.
    """
    if len(xs) <= limit:
        return list(range(len(xs)))
    chosen = extremes(ys, MANY) if len(xs) > MANY else list(range(len(xs)))
    return [chosen[i] for i in _largest_triangles([xs[i] for i in chosen], [ys[i] for i in chosen], limit)]


def extremes(ys: Sequence[float], limit: int) -> list[int]:
    """Choose the lowest and the highest of each of `limit / 2` buckets: no spike is lost, whatever it costs in shape."""
    count = max(1, limit // 2)
    chosen: list[int] = []
    for bucket in range(count):
        start, end = bucket * len(ys) // count, (bucket + 1) * len(ys) // count
        real = [i for i in range(start, end) if math.isfinite(ys[i])]
        if real:
            chosen += sorted({min(real, key=ys.__getitem__), max(real, key=ys.__getitem__)})
        elif start < end:
            chosen.append(start)
    return sorted({0, len(ys) - 1, *chosen}) if ys else []


def _largest_triangles(xs: Sequence[float], ys: Sequence[float], limit: int) -> list[int]:
    """Largest-Triangle-Three-Buckets (Steinarsson 2013, "Downsampling Time Series for Visual Representation", ch. 4.2)."""
    length = len(xs)
    if length <= limit:
        return list(range(length))
    limit = max(limit, 3)
    values = _filled(ys)
    every = (length - 2) / (limit - 2)
    chosen, last = [0], 0
    for bucket in range(limit - 2):
        start, end = int(bucket * every) + 1, int((bucket + 1) * every) + 1
        after = min(int((bucket + 2) * every) + 1, length)
        count = max(after - end, 1)
        mean_x = sum(xs[end:after]) / count if after > end else xs[-1]
        mean_y = sum(values[end:after]) / count if after > end else values[-1]
        from_x, from_y = xs[last], values[last]
        best, area = start, -1.0
        for i in range(start, end):
            size = abs((from_x - mean_x) * (values[i] - from_y) - (from_x - xs[i]) * (mean_y - from_y))
            if size > area:
                best, area = i, size
        chosen.append(best)
        last = best
    return [*chosen, length - 1]


def _filled(ys: Sequence[float]) -> list[float]:
    """Give a gap the value before it: it has no area of its own, and the curve beside it is judged as it is."""
    filled: list[float] = []
    before = next((y for y in ys if math.isfinite(y)), 0.0)
    for y in ys:
        before = y if math.isfinite(y) else before
        filled.append(before)
    return filled
