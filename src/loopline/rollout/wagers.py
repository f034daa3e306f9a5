"""wagers: whether bounded losses of the candidate are larger, by betting on each unit before it is seen.

Each unit gives an unbiased estimate x of "its loss at the candidate less its loss at the baseline": where its arm was drawn with
propensity p, x = (loss - c)(A/p - (1 - A)/(1 - p)), c being known before. Whoever stakes the share s on every unit owns
Π(1 + s x) in the end. If the mean of x is m, that has the expectation Π(1 + s m), so
  e(m) = mean over a fixed ladder of stakes s of Π (1 + s x) / (1 + s m)
is a nonnegative supermartingale starting at 1 (Waudby-Smith & Ramdas 2024, JRSS B 86; the ladder stands for the mixture of
Orabona & Jun 2024, IEEE Trans. Inf. Theory 70). By Ville's inequality it ever reaches 1/α with probability α at most, and the
m that it has not refuted are a confidence sequence. It is about the running mean where the difference changes with time, because
Π(1 + s mᵢ) <= (1 + s m̄)ⁿ. Propensities may change from unit to unit (Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_RUNGS: Final = 11
_TOP: Final = 0.9
"""Largest stake, of what a unit can lose at the very least. Each rung below is half the one above."""
_RUIN: Final = 0.98
"""Nothing is staked on a unit that could take more than this share of what one owns."""
_EVERY: Final = 16_384
_THEN: Final = 16
"""Wealth is looked at after every unit at first, later after every sixteenth: always the same ones, whatever comes behind."""
_HALVINGS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Unbiased estimates of the difference, in order, with what each could have been at worst."""

    x: Array
    down: Array
    """How far below 0 it could have been, known before it was seen."""
    up: Array
    width: float
    """Of the losses: a mean difference is within plus or minus this."""


@dataclass(frozen=True, slots=True, eq=False)
class Wealth:
    """What bets on positive differences have brought."""

    stakes: Array
    logs: Array
    """Logarithm of what each stake has grown to."""
    times: Array
    """Units on which each was staked."""
    looks: Array
    """Units so far, at each look."""
    path: Array
    """Logarithm of the e-value against "the mean is 0 or less", at each look."""


def stakes(width: float) -> tuple[float, ...]:
    """Give the ladder of stakes, for losses of that width."""
    return tuple(_TOP / width * 0.5**k for k in range(_RUNGS))


def drawn(loss: Array, candidate: Array, p: Array, *, low: float, high: float) -> Differences:
    """Estimate differences from units that met one arm each, with propensity 0 < p < 1. Losses lie in low..high.

    c is what makes the variance least, (1 - p)·mean(candidate) + p·mean(baseline), with the means of the units before; until an
    arm has one, that of both; the middle of the bounds counts as one unit of both.
    """
    import numpy as np

    arm = candidate.astype(np.float64)
    before = np.arange(len(loss), dtype=np.float64)
    whole, ones, mine = _shifted(loss), _shifted(arm), _shifted(loss * arm)
    both = (whole + (low + high) / 2) / (before + 1)
    mean_candidate = (mine + both) / (ones + 1)
    mean_baseline = (whole - mine + both) / (before - ones + 1)
    c = np.clip((1 - p) * mean_candidate + p * mean_baseline, low, high)
    x = (loss - c) * np.where(candidate, 1 / p, -1 / (1 - p))
    down = np.maximum((c - low) / p, (high - c) / (1 - p))
    up = np.maximum((high - c) / p, (c - low) / (1 - p))
    return Differences(x, down, up, high - low)


def paired(candidate: Array, baseline: Array, *, width: float) -> Differences:
    """Take differences of units that met both arms (a shadow), by losses that are at most `width` apart."""
    import numpy as np

    bound = np.full(len(candidate), width)
    return Differences(candidate - baseline, bound, bound, width)


def wealth(found: Differences, *, against: bool = False) -> Wealth:
    """Bet on each difference being positive; with `against` on its being negative."""
    import numpy as np

    x = -found.x if against else found.x
    worst = found.up if against else found.down
    looks = _looks(len(x))
    ladder = np.asarray(stakes(found.width))
    logs, times = np.zeros(_RUNGS), np.zeros(_RUNGS)
    path = np.full(len(looks), -np.inf)
    for k, stake in enumerate(ladder):
        staked = worst <= _RUIN / stake
        grown = np.cumsum(np.log1p(np.where(staked, stake * x, 0.0)))
        times[k] = np.count_nonzero(staked)
        if len(x):
            logs[k] = grown[-1]
            np.logaddexp(path, grown[looks - 1], out=path)
    return Wealth(ladder, logs, times, looks, path - np.log(_RUNGS))


def at_least(bets: Wealth, alpha: float, *, width: float) -> float:
    """Give the largest m that is refuted as a bound from above: the mean is more than that, at all times, but for alpha."""
    grown = list(zip(bets.logs.tolist(), bets.times.tolist(), bets.stakes.tolist(), strict=True))
    needed = math.log(_RUNGS / alpha)
    least, most = -width, width
    if not _refuted(grown, least, needed):
        return least
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (middle, most) if _refuted(grown, middle, needed) else (least, middle)
    return least


def _refuted(grown: Sequence[tuple[float, float, float]], m: float, needed: float) -> bool:
    logs = [log - times * math.log1p(stake * m) for log, times, stake in grown]
    largest = max(logs)
    return largest + math.log(math.fsum(math.exp(log - largest) for log in logs)) >= needed


def _shifted(values: Array) -> Array:
    """Sum what stands before each place."""
    import numpy as np

    sums = np.cumsum(values)
    return np.concatenate(([0.0], sums[:-1])) if len(sums) else sums


def _looks(units: int) -> Array:
    import numpy as np

    return np.concatenate((np.arange(1, min(units, _EVERY) + 1), np.arange(_EVERY + _THEN, units + 1, _THEN)))
