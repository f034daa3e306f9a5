"""grouped: the metrics of `evaluate` for thousands of groups of rows at once, without intervals.

Every group is measured as `evaluate(..., resamples=0)` would measure its rows alone; what is not defined is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.checks.bootstrap import ratio
from loopline.checks.metrics import BINS, Kind, binary_columns, chosen_metrics

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_RANKED: Final = "roc_auc"


class Grouped:
    """Rows that are cut into groups in several ways."""

    def __init__(
        self, truth: Array, answer: Array, *, kind: Kind = "binary", metrics: Sequence[str] | None = None
    ) -> None:
        """Take finite numbers; of `binary`, 0 or 1 and probabilities. Raise Invalid for unknown metrics."""
        import numpy as np

        self.metrics = chosen_metrics(metrics, kind)
        self._kind, self._truth, self._answer = kind, truth, answer
        self._order = np.argsort(answer, kind="stable") if _RANKED in self.metrics else None
        if kind == "binary":
            named = [one for one in self.metrics if one != "calibration_error"]
            self._columns = binary_columns(truth, answer, tuple(named))
        else:
            error = answer - truth
            self._columns = {"absolute": np.abs(error), "square": error**2}

    def measure(self, group: Array, count: int) -> Mapping[str, Array]:
        """Give each metric of each group; a row's `group` is from 0 to `count` - 1."""
        import numpy as np

        rows = np.bincount(group, minlength=count).astype(np.float64)
        sums = {key: np.bincount(group, values, minlength=count) for key, values in self._columns.items()}
        return {metric: self._one(metric, group, rows, sums) for metric in self.metrics}

    def _one(self, metric: str, group: Array, rows: Array, sums: Mapping[str, Array]) -> Array:
        import numpy as np

        match metric:
            case "roc_auc":
                return self._auc(group, len(rows))
            case "calibration_error":
                return self._calibration(group, rows)
            case "mae":
                return ratio(sums["absolute"], rows)
            case "rmse":
                return np.sqrt(ratio(sums["square"], rows))
            case "r2":
                return self._r2(group, rows, sums["square"])
            case "accuracy":
                return ratio(sums["right"], rows)
            case "precision":
                return ratio(sums["hit"], sums["called"])
            case "recall":
                return ratio(sums["hit"], sums["positive"])
            case _:
                return ratio(sums[metric], rows)

    def _r2(self, group: Array, rows: Array, square: Array) -> Array:
        import numpy as np

        mean = ratio(np.bincount(group, self._truth, minlength=len(rows)), rows)
        spread = np.bincount(group, (self._truth - mean[group]) ** 2, minlength=len(rows))
        return 1.0 - ratio(square, spread)

    def _calibration(self, group: Array, rows: Array) -> Array:
        import numpy as np

        place = np.minimum((self._answer * BINS).astype(np.int64), BINS - 1)
        cells = np.bincount(
            group.astype(np.int64) * BINS + place, self._answer - self._truth, minlength=len(rows) * BINS
        )
        return ratio(np.abs(cells.reshape(-1, BINS)).sum(axis=1), rows)

    def _auc(self, group: Array, count: int) -> Array:
        """Sum the ranks of positives within each group, ties at their mean (Hanley & McNeil 1982)."""
        import numpy as np

        order = self._order
        assert order is not None  # noqa: S101 (made where this metric was asked for)
        small = group.astype(np.uint16) if count < 2**16 else group  # sorted in one pass where numbers are short
        order = order[np.argsort(small[order], kind="stable")]
        mine, score, positive = group[order], self._answer[order], self._truth[order] > 0
        total = np.bincount(group, minlength=count)
        first = np.concatenate([[0], np.cumsum(total)[:-1]])
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (mine[1:] != mine[:-1]) | (score[1:] != score[:-1])
        begins = np.flatnonzero(fresh)
        ends = np.append(begins[1:], len(order))
        middle = np.repeat((begins + ends + 1) / 2.0, ends - begins)
        ranks = np.bincount(mine, np.where(positive, middle - first[mine], 0.0), minlength=count)
        ones = np.bincount(mine[positive], minlength=count).astype(np.float64)
        return ratio(ranks - ones * (ones + 1) / 2, ones * (total - ones))
