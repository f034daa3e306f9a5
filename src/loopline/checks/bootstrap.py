"""bootstrap: the same resamples for every metric, every slice and both models.

A resample is a vector of weights (how often each row was drawn), so a metric never copies rows: mean-like metrics are
ratios of weighted sums, and the ROC AUC is a sum over rows that were sorted once. All sums are sums of integers below
2**53, which doubles add without rounding: the intervals do not depend on the order in which a BLAS or a processor adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Reading = Callable[[Mapping[str, "Array"], "Array"], "Array"]
"""Sums by column and the sum of weights, each of one number a resample → the metric of each resample (NaN: undefined)."""

_CELLS = 4_000_000
"""Weights held at a time: bounds memory at about 100 MB whatever the number of rows."""
_EXACT_BITS = 52


@dataclass(frozen=True, slots=True)
class Scored:
    """One model's answers on the rows, made ready for resampling."""

    columns: tuple[str, ...]
    table: Array
    """Rows × columns: what is summed."""
    readings: Mapping[str, Reading]
    """Metrics that are functions of those sums."""
    score: Array | None = None
    """What rows are ranked by; None: no ranking metric is asked for."""


def resampled(
    models: Sequence[Scored], truth: Array, groups: Sequence[Array], *, resamples: int, seed: int
) -> list[Array]:
    """Give, for each model, an array groups × metrics × resamples (metrics in the order of `names_of`).

    Each resample draws as many rows as there are, with replacement, from all rows; a group takes the weights that its
    rows got. Models share the weights, so differences are paired. The result depends on the seed alone.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    parts = [[_Part.of(model, table, truth, rows) for rows in groups] for model, table in _exact(models)]
    found = [np.full((len(groups), len(names_of(m)), resamples), np.nan) for m in models]
    at = 0
    # One thread: where other processes run, BLAS threads that wait for each other were seen to cost 20 times more.
    with threadpool_limits(1, user_api="blas"):
        for weights in _weights(len(truth), resamples, seed):
            span = slice(at, at + weights.shape[1])
            at = span.stop
            for g, rows in enumerate(groups):
                mine = weights[rows]
                doubles = mine.astype(np.float64)
                for m in range(len(models)):
                    found[m][g, :, span] = parts[m][g].metrics(mine, doubles)
    return found


def measured(model: Scored, truth: Array, rows: Array) -> dict[str, float]:
    """Give each metric on these rows, each counted once; NaN where it is not defined."""
    import numpy as np

    table = model.table[rows]
    sums = {name: np.asarray([table[:, k].sum()]) for k, name in enumerate(model.columns)}
    weight = np.asarray([float(len(rows))])
    found = {name: float(reading(sums, weight)[0]) for name, reading in model.readings.items()}
    if model.score is not None:
        once = np.ones((len(rows), 1), dtype=np.uint8)
        found["roc_auc"] = float(_Ranking.of(model.score, truth, rows).auc(once)[0])
    return found


def names_of(model: Scored) -> tuple[str, ...]:
    """Name the metrics of a model in the order of `resampled`."""
    return (*model.readings, *(("roc_auc",) if model.score is not None else ()))


def ratio(top: Array, bottom: Array) -> Array:
    """Divide; NaN where the divisor is 0."""
    import numpy as np

    found: Array = np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=bottom != 0)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """One model on the rows of one group."""

    model: Scored
    values: Array
    """Columns × rows, as integers."""
    scale: Array
    ranking: _Ranking | None

    @classmethod
    def of(cls, model: Scored, table: tuple[Array, Array], truth: Array, rows: Array) -> _Part:
        values, scale = table
        ranking = None if model.score is None else _Ranking.of(model.score, truth, rows)
        return cls(model, values[rows].T, scale[:, None], ranking)

    def metrics(self, weights: Array, doubles: Array) -> Array:
        """Give metrics × resamples, for weights of these rows given as bytes and as doubles."""
        import numpy as np

        sums = dict(zip(self.model.columns, (self.values @ doubles) * self.scale, strict=True))
        weight = doubles.sum(axis=0)
        found = [reading(sums, weight) for reading in self.model.readings.values()]
        return np.vstack(found if self.ranking is None else [*found, self.ranking.auc(weights)])


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows of one group in the order of their scores, as positions within the group."""

    fewer: Array
    """Rows of the rarer class by score: their weights multiply."""
    more: Array
    """Rows of the other class by score: their weights are added up."""
    below: Array
    """For each of `fewer`: how many of `more` score less."""
    upto: Array
    """For each of `fewer`: how many of `more` score less or the same. The same array as `below` where nothing ties."""
    flipped: bool
    """Whether `fewer` are the negatives."""

    @classmethod
    def of(cls, score: Array, truth: Array, rows: Array) -> _Ranking:
        import numpy as np

        mine, late = score[rows], truth[rows] > 0
        order = np.argsort(mine, kind="stable")
        positive, negative = order[late[order]], order[~late[order]]
        flipped = len(negative) < len(positive)
        fewer, more = (negative, positive) if flipped else (positive, negative)
        below = np.searchsorted(mine[more], mine[fewer], side="left")
        upto = np.searchsorted(mine[more], mine[fewer], side="right")
        return cls(fewer, more, below, below if np.array_equal(below, upto) else upto, flipped)

    def auc(self, weights: Array) -> Array:
        """Give the weighted Mann-Whitney statistic of each resample: ties count one half (Hanley & McNeil 1982)."""
        import numpy as np

        seen = np.zeros((len(self.more) + 1, weights.shape[1]), dtype=np.int32)
        np.cumsum(weights[self.more], axis=0, dtype=np.int32, out=seen[1:])
        mine = weights[self.fewer].astype(np.int64)
        won = seen[self.below]
        doubled = won + (won if self.below is self.upto else seen[self.upto])
        pairs = 2.0 * mine.sum(axis=0) * seen[-1]
        area = ratio(np.einsum("ir,ir->r", mine, doubled, dtype=np.int64).astype(np.float64), pairs)
        won_by_positives: Array = 1.0 - area if self.flipped else area
        return won_by_positives


def _weights(rows: int, resamples: int, seed: int) -> Iterator[Array]:
    """Give blocks rows × resamples of how often each row was drawn."""
    import numpy as np

    dice = np.random.default_rng(seed)
    block = max(1, _CELLS // rows)
    for start in range(0, resamples, block):
        width = min(block, resamples - start)
        drawn = np.empty((width, rows), dtype=np.uint8)
        for one in range(width):
            drawn[one] = np.bincount(dice.integers(0, rows, size=rows, dtype=np.int32), minlength=rows)
        yield np.ascontiguousarray(drawn.T)


def _exact(models: Sequence[Scored]) -> Iterator[tuple[Scored, tuple[Array, Array]]]:
    """Write each column as integers times a power of two, so that a sum over all drawn rows stays below 2**52."""
    import numpy as np

    for model in models:
        largest = np.abs(model.table).max(axis=0) * len(model.table)
        exponent = _EXACT_BITS - np.ceil(np.log2(np.where(largest > 0, largest, 1.0)))
        yield model, (np.rint(model.table * np.exp2(exponent)), np.exp2(-exponent))
