"""tails: how likely a statistic is to be as large by chance, without a library of statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_SMALL: Final = 1e-15
_STEPS: Final = 10_000


def kolmogorov(x: float) -> float:
    """Give P(K > x) of the limiting Kolmogorov distribution.

    Above 1 by 2 Σ (-1)^(k-1) exp(-2 k² x²), below by its theta-transformed twin 1 - √(2π)/x Σ exp(-(2k-1)² π² / 8x²), which
    converges there (Feller 1948, Ann. Math. Statist. 19; Marsaglia, Tsang & Wang 2003, J. Stat. Softw. 8(18)).
    """
    if x < 0.04:
        return 1.0
    if x < 1:
        terms = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, 6))
        return max(0.0, 1 - math.sqrt(2 * math.pi) / x * sum(terms))
    return max(0.0, min(1.0, 2 * sum((-1.0) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 8))))


def chi_squared(x: float, freedom: int) -> float:
    """Give P(X > x) of the chi-squared distribution: the regularised upper incomplete gamma function Q(freedom/2, x/2).

    By its power series below a + 1 and by Lentz's continued fraction above (Abramowitz & Stegun 1964, 6.5.29 and 6.5.31).
    """
    a, half = freedom / 2, x / 2
    if half <= 0:
        return 1.0
    front = math.exp(a * math.log(half) - half - math.lgamma(a))
    if half < a + 1:
        term = total = 1 / a
        for step in range(1, _STEPS):
            term *= half / (a + step)
            total += term
            if term < total * _SMALL:
                break
        return max(0.0, 1 - front * total)
    b = half + 1 - a
    c, d = math.inf, 1 / b
    total = d
    for step in range(1, _STEPS):
        numerator = -step * (step - a)
        b += 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        total *= c * d
        if abs(c * d - 1) < _SMALL:
            break
    return front * total


def benjamini_hochberg(values: Sequence[float]) -> tuple[float, ...]:
    """Turn p-values into q-values: min over all j with p_j >= p_i of p_j × n / rank_j, at most 1.

    Calling all with q <= α significant keeps the expected share of false ones among them below α (Benjamini & Hochberg 1995,
    J. R. Stat. Soc. B 57).
    """
    found = [1.0] * len(values)
    least = 1.0
    for rank, at in reversed(list(enumerate(sorted(range(len(values)), key=values.__getitem__), start=1))):
        least = min(least, values[at] * len(values) / rank)
        found[at] = least
    return tuple(found)
