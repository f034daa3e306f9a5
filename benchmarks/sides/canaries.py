"""The rules by which canaries are usually judged, written plainly.

Each takes events in order (which arm, and the value; larger is worse) and the looks, as numbers of events so far. It gives the
number of events at which it would have stopped the rollout, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

Array = np.ndarray[Any, np.dtype[Any]]
ALPHA = 0.05
PLANNED = 20
FAILURES = 3


def fixed_threshold(arm: Array, value: Array, looks: Sequence[int], *, limit: float) -> int | None:
    """Stop when the candidate's mean since the last look is above a limit, three times in a row."""
    before = bad = 0
    for look in looks:
        mine = value[before:look][arm[before:look]]
        bad = bad + 1 if len(mine) and mine.mean() > limit else 0
        if bad == FAILURES:
            return look
        before = look
    return None


def mann_whitney(arm: Array, value: Array, looks: Sequence[int]) -> int | None:
    """Stop when the candidate's values so far are larger, by a one-sided test at 5 % at each look."""
    for look in looks:
        mine, theirs = value[:look][arm[:look]], value[:look][~arm[:look]]
        if min(len(mine), len(theirs)) and stats.mannwhitneyu(mine, theirs, alternative="greater").pvalue < ALPHA:
            return look
    return None


def bonferroni(arm: Array, value: Array, looks: Sequence[int]) -> int | None:
    """Stop when the means so far differ, by Welch's one-sided test at 5 % / 20, at twenty looks that were planned before."""
    for look in looks[len(looks) // PLANNED - 1 :: len(looks) // PLANNED]:
        mine, theirs = value[:look][arm[:look]], value[:look][~arm[:look]]
        if min(len(mine), len(theirs)) < 2 or mine.std() + theirs.std() == 0:
            continue
        spread = np.sqrt(mine.var(ddof=1) / len(mine) + theirs.var(ddof=1) / len(theirs))
        if spread > 0 and stats.norm.sf((mine.mean() - theirs.mean()) / spread) < ALPHA / PLANNED:
            return look
    return None
