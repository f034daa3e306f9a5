"""pace: how long batches take, learnt from those that were: so much for each, and so much more for each row.

A forest takes as long for one row as for sixty-four, a nearest-neighbour model sixty-four times as long. A line through recent
batches (least squares, older ones counting less and less) tells these apart; while all have had the same size, it is flat.
"""

from __future__ import annotations

from typing import Final

_NEW: Final = 0.1
"""Weight of the latest batch."""


class Pace:
    """What is known of one model's pace."""

    def __init__(self) -> None:
        self._rows = self._took = 0.0
        """Means."""
        self._spread = self._together = 0.0
        """Variance of rows, covariance of rows and seconds."""

    def learn(self, rows: int, took_s: float) -> None:
        """Take in one batch."""
        if not self._rows:
            self._rows, self._took = float(rows), took_s
            return
        further, longer = rows - self._rows, took_s - self._took
        self._rows += _NEW * further
        self._took += _NEW * longer
        self._spread = (1 - _NEW) * (self._spread + _NEW * further * further)
        self._together = (1 - _NEW) * (self._together + _NEW * further * longer)

    def expect(self, rows: int, batches: int) -> float:
        """Tell how many seconds so many rows take in so many batches; 0 where no batch is known."""
        if not self._rows:
            return 0.0
        slope = self._together / self._spread if self._spread > 1e-9 else 0.0
        slope = min(max(slope, 0.0), self._took / self._rows)
        return batches * (self._took - slope * self._rows) + rows * slope
