"""drift: how far a window is from its reference, with the error of saying so. Pure: counts in, verdicts out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from loopline.nouns.drift import ColumnDrift
from loopline.nouns.profile import ColumnProfile, Profile
from loopline.signals.counts import Counts, Tally
from loopline.signals.tails import benjamini_hochberg, chi_squared, kolmogorov

EXPECTED: Final = 5.0
"""Categories with fewer expected rows in either sample are tested as one (Cochran 1954, Biometrics 10)."""
NEW: Final = 20
"""New categories that are named."""


def compare(
    reference: Profile,
    batches: Iterable[Mapping[str, Any]],
    *,
    rows: int = 500,
    effect: float = 0.1,
    q: float = 0.01,
    columns: Sequence[str] = (),
) -> tuple[ColumnDrift, ...]:
    """Compare the columns of a window with their reference, those that moved most first; see `judge` for the bounds."""
    tally = Tally(reference, columns)
    for batch in batches:
        tally.add(batch)
    return judge(tally, rows=rows, effect=effect, q=q)


def judge(tally: Tally, *, rows: int = 500, effect: float = 0.1, q: float = 0.01) -> tuple[ColumnDrift, ...]:
    """Say of each column whether it moved: q and effect must both reach their bounds, over at least `rows` values.

    q is over all columns of this look that have enough values (Benjamini-Hochberg). A p-value alone would call any difference
    drift once there are enough rows; an effect alone would call chance drift while there are few.
    """
    found = [_column(role, counts, rows) for (role, _), counts in tally.columns.items()]
    tested = [at for at, one in enumerate(found) if one.p is not None]
    for at, value in zip(tested, benjamini_hochberg([found[at].p or 0.0 for at in tested]), strict=True):
        moved = value <= q and (found[at].effect or 0.0) >= effect
        found[at] = replace(found[at], q=value, verdict="drift" if moved else "stable")
    return tuple(sorted(found, key=_order))


def ks(reference: Sequence[int], window: Sequence[int]) -> tuple[float, float]:
    """Give D, the largest distance between two distribution functions, and its p-value, from counts in the same bins.

    p is P(K > D √(nm / (n+m))) of the limiting Kolmogorov distribution (Smirnov 1948, Ann. Math. Statist. 19). It is
    conservative twice: D is looked for at the edges alone, where it can only be smaller than over all values, and ties make
    the true level smaller than the one that is said.
    """
    n, m = sum(reference), sum(window)
    here = there = 0
    apart = 0.0
    for one, other in zip(reference, window, strict=True):
        here, there = here + one, there + other
        apart = max(apart, abs(here / n - there / m))
    return apart, kolmogorov(apart * math.sqrt(n * m / (n + m)))


def g(reference: Sequence[int], window: Sequence[int]) -> tuple[float, float]:
    """Give G = 2 Σ O ln(O/E) of a two-sample table and its p-value by chi-squared (Sokal & Rohlf 1981, Biometry, ch. 17).

    Categories with less than 5 expected in either sample are put together first, and with the smallest of the others where
    they are not enough even so.
    """
    n, m = sum(reference), sum(window)
    least = EXPECTED * (n + m) / min(n, m)
    pairs = [(one, other) for one, other in zip(reference, window, strict=True) if one + other]
    kept = sorted((pair for pair in pairs if sum(pair) >= least), key=sum)
    rest = [pair for pair in pairs if sum(pair) < least]
    pooled = (sum(one for one, _ in rest), sum(other for _, other in rest))
    if kept and 0 < sum(pooled) < least:
        kept[0] = (kept[0][0] + pooled[0], kept[0][1] + pooled[1])
    elif sum(pooled):
        kept.append(pooled)
    if len(kept) < 2:
        return 0.0, 1.0
    total = 0.0
    for pair in kept:
        for observed, size in zip(pair, (n, m), strict=True):
            if observed:
                total += observed * math.log(observed * (n + m) / (sum(pair) * size))
    value = max(0.0, 2 * total)
    return value, chi_squared(value, len(kept) - 1)


def total_variation(reference: Sequence[int], window: Sequence[int]) -> float:
    """Give ½ Σ |p - q|: the share of rows that would have to change their category."""
    n, m = sum(reference), sum(window)
    return sum(abs(one / n - other / m) for one, other in zip(reference, window, strict=True)) / 2


def psi(reference: Sequence[int], window: Sequence[int]) -> float:
    """Give the population stability index Σ (p-q) ln(p/q) less what it is on average where nothing has moved.

    That is (B-1)(1/n + 1/m) for B bins (Yurdakul 2018, "Statistical Properties of Population Stability Index", thm. 3.1):
    without it, 100 rows in 20 bins look moved. A bin that one side lacks counts half a row there; bins that both lack are left
    out. The result is below zero as often as above while nothing moves.
    """
    pairs = [(one, other) for one, other in zip(reference, window, strict=True) if one + other]
    n, m = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    total = 0.0
    for one, other in pairs:
        p, q = (one or 0.5) / n, (other or 0.5) / m
        total += (p - q) * math.log(p / q)
    return total - (len(pairs) - 1) * (1 / n + 1 / m)


def _column(role: Literal["input", "output"], counts: Counts, rows: int) -> ColumnDrift:
    reference, window = counts.reference, counts.profile()
    test: Literal["ks", "g"] = "g" if reference.type in ("BYTES", "BOOL") else "ks"
    told = ColumnDrift(
        reference.name, role, test, rows=counts.rows, nulls=counts.nulls, new_rows=counts.new_rows,
        new=tuple(text for text, _ in sorted(counts.new.items(), key=lambda one: (-one[1], one[0]))[:NEW]),
        outside=_outside(counts), mean=window.mean, window=window, reference=reference,
    )  # fmt: skip
    before, after = _cells(reference), _cells(window)
    if not sum(before):
        return replace(told, test="")
    if not sum(after):
        return replace(told, verdict="too few rows")
    if test == "ks":
        distance, p = ks(before, after)
    else:
        distance, p = total_variation(before, after), g(before, after)[1]
    told = replace(told, effect=distance, psi=psi(before, after), verdict="too few rows")
    return told if counts.present < rows else replace(told, p=p)


def _cells(one: ColumnProfile) -> tuple[int, ...]:
    return (*one.frequencies, one.others) if one.type in ("BYTES", "BOOL") else one.counts


def _outside(counts: Counts) -> int:
    reference = counts.reference
    if not reference.edges:
        return 0
    cells = counts.profile().counts
    below = cells[0] if reference.low is None or reference.edges[0] < reference.low else 0
    return below + cells[-1] + (0 if reference.infinite else counts.infinite)


def _order(one: ColumnDrift) -> tuple[bool, float, str, str]:
    return one.verdict != "drift", -(one.effect if one.effect is not None else -1.0), one.role, one.column
