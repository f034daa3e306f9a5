"""metrics: series of points (tables points, series)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from loopline.nouns.run import Point
from loopline.store.database import Rows


class Metrics:
    """The points of every run. NaN is stored as NULL; infinities as they are."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, run: str, points: Iterable[Point]) -> None:
        """Append points. The last value of a series is that of its greatest (step, time), then of the latest arrival."""
        ready = [(run, p.key, p.step, p.time or self._now, None if math.isnan(p.value) else p.value) for p in points]
        if not ready:
            return
        self._rows.many("INSERT INTO points (run, key, step, time, value) VALUES (?, ?, ?, ?, ?)", ready)
        self._rows.many(
            "INSERT INTO series (run, key, last, last_step, last_time, low, high, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (run, key) DO UPDATE SET"
            " last = CASE WHEN (excluded.last_step, excluded.last_time) >= (series.last_step, series.last_time)"
            " THEN excluded.last ELSE series.last END,"
            " last_time = CASE WHEN (excluded.last_step, excluded.last_time) >= (series.last_step, series.last_time)"
            " THEN excluded.last_time ELSE series.last_time END,"
            " last_step = CASE WHEN excluded.last_step > series.last_step THEN excluded.last_step ELSE series.last_step END,"
            " low = CASE WHEN series.low IS NULL OR excluded.low < series.low THEN excluded.low ELSE series.low END,"
            " high = CASE WHEN series.high IS NULL OR excluded.high > series.high THEN excluded.high ELSE series.high END,"
            " count = series.count + excluded.count",
            _summed(ready),
        )

    def history(self, run: str, key: str, *, after: int = -(2**62), limit: int = 10_000) -> list[Point]:
        """Give a series in the order of step and arrival; `after` is a step to go on from."""
        rows = self._rows.all(
            "SELECT value, step, time FROM points WHERE run = ? AND key = ? AND step > ? ORDER BY step, id LIMIT ?",
            run, key, after, limit,
        )  # fmt: skip
        return [Point(key, math.nan if row[0] is None else row[0], row[1], row[2]) for row in rows]

    def between(self, run: str, key: str, low: int, high: int) -> list[tuple[float, int, int]]:
        """Give (value, step, time) of every point between two steps, both included, in the order of step and arrival."""
        rows = self._rows.all(
            "SELECT value, step, time FROM points WHERE run = ? AND key = ? AND step BETWEEN ? AND ? ORDER BY step, id",
            run, key, low, high,
        )  # fmt: skip
        return [(math.nan if row[0] is None else row[0], row[1], row[2]) for row in rows]

    def latest(self, runs: Iterable[str]) -> dict[str, list[Point]]:
        """Give the last point of each series of some runs, by key in order."""
        wanted, found = list(dict.fromkeys(runs)), dict[str, list[Point]]()
        for start in range(0, len(wanted), 500):
            few = wanted[start : start + 500]
            marks = ", ".join("?" * len(few))
            for run, key, value, step, time in self._rows.all(
                f"SELECT run, key, last, last_step, last_time FROM series WHERE run IN ({marks}) ORDER BY run, key",
                *few,
            ):
                found.setdefault(run, []).append(Point(key, math.nan if value is None else value, step, time))
        return found

    def keys(self, run: str) -> list[str]:
        """Give the names of a run's series."""
        return [row[0] for row in self._rows.all("SELECT key FROM series WHERE run = ? ORDER BY key", run)]


_Ready = tuple[str, str, int, int, float | None]


def _summed(ready: list[_Ready]) -> list[tuple[object, ...]]:
    """One row for each series of the batch, so that 1,000 points of a series cost one update."""
    groups: dict[tuple[str, str], list[_Ready]] = {}
    for point in ready:
        groups.setdefault(point[:2], []).append(point)
    rows: list[tuple[object, ...]] = []
    for (run, key), points in groups.items():
        last = points[0]
        for point in points[1:]:
            if point[2:4] >= last[2:4]:
                last = point
        values = [p[4] for p in points if p[4] is not None]
        rows.append((
            run,
            key,
            last[4],
            last[2],
            last[3],
            min(values, default=None),
            max(values, default=None),
            len(points),
        ))
    return rows
