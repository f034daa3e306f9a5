"""slow: whether units of the candidate wait longer, by counting those that take longer than the baseline's used to.

A threshold is the quantile of the baseline's units before (of the last block, so that it follows the day): known before a unit is
seen. A unit that takes longer is an event like any other (events.py), so the answer holds when both arms are slow at noon, and
when weights change on the way. Not so the bands around each arm's distribution function (Howard & Ramdas 2022, Bernoulli 28):
these want latencies that are distributed alike at all times, and a candidate whose share grew at noon would look slow.

"A factor f longer" is asked by comparing the candidate's units with f times the threshold. All factors of a fixed ladder are
asked, and what is refuted on both sides is the interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

FACTORS: Final = (
    0.1, 0.2, 0.33, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0,
    1.01, 1.02, 1.03, 1.05, 1.075, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.75, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip
_FIRST: Final = 50
_GROWTH: Final = 1.5
"""Units until there is a threshold, and how far apart new ones are."""


def thresholds(latency: Array, baseline: Array, quantile: float) -> Array:
    """Give the threshold of each unit; NaN while there is none. `baseline`: which of the latencies are its."""
    import numpy as np

    found = np.full(len(latency), np.nan)
    edges = [0, _FIRST]
    while edges[-1] < len(latency):
        edges.append(int(edges[-1] * _GROWTH))
    value = np.nan
    for before, begin, end in zip(edges, edges[1:], edges[2:], strict=False):
        block = latency[before:begin][baseline[before:begin]]
        if len(block):
            value = float(np.quantile(block, quantile, method="higher"))
        found[begin:end] = value
    return found
