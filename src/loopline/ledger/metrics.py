"""metrics: series of points (tables points, recent_points, series).

The points of a series lie together in the order in which they are read: by step, then time, then arrival (`n`). Its row in
`series` says what they come to, so that a search and the page of a run need not read them.

A batch of few points for many series would change a page of each in a file of SQLite's. What comes so lies among the recent
points first, some thousands that share their pages, and goes to the others together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from loopline.nouns.run import Point
from loopline.store.database import Row, Rows

Value = tuple[int, int, float | None]
"""A point of a series: step, time in microseconds, and what was measured, None for NaN."""
LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1
_SERIES: Final = "id, key, last, last_step, last_time, low, high, count"
_Series = tuple[int, str, float | None, int, int, float | None, float | None, int]
"""A row of `series`."""
WIDE: Final = 64
"""A batch of so many series goes to the recent points, if it is thin."""
THIN: Final = 16
"""A batch is thin with fewer points than so many for each series: more would fill pages of their own."""
RECENT: Final = 20_000
"""So many recent points are there at most, about."""
_COLUMNS: Final = "series, step, time, n, value"
SETTLE: Final = (f"INSERT INTO points ({_COLUMNS}) SELECT {_COLUMNS} FROM recent_points", "DELETE FROM recent_points")
"""What moves all recent points to the others."""
_BOTH: Final = f"(SELECT {_COLUMNS} FROM points UNION ALL SELECT {_COLUMNS} FROM recent_points) AS points"
_CHUNKS: Final = (8, 64, 500)
"""How many keys are asked for at once: few different statements, so that each is prepared once."""


class Metrics:
    """The points of every run. NaN is stored as NULL; infinities as they are."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, run: str, points: Iterable[Point]) -> None:
        """Append points. The last value of a series is that of its greatest (step, time), then of the latest arrival."""
        batches: dict[str, list[Value]] = {}
        for p in points:
            value = None if math.isnan(p.value) else p.value
            batches.setdefault(p.key, []).append((p.step, p.time or self._now, value))
        self.extend(run, batches)

    def extend(self, run: str, batches: Mapping[str, Sequence[Value]], *, once: bool = False) -> None:
        """Append points by the key of their series.

        With `once` a point that is there with the same step, time and value is left out: a client may send it twice.
        """
        rows: list[tuple[object, ...]] = []
        sums: list[tuple[object, ...]] = []
        for here in sorted(self._known(run, batches)):  # in the order of the tables' pages
            series, key, *_, n = here
            fresh = self._fresh(here, batches[key]) if once else batches[key]
            for step, time, value in fresh:
                rows.append((series, step, time, n, value))
                n += 1
            if fresh:
                sums.append(_summed(here, fresh))
        if rows:
            table = "points"
            if len(sums) >= WIDE and len(rows) < THIN * len(sums) and self._rows.dialect == "sqlite":
                table = "recent_points"  # PostgreSQL writes rows to its log, not pages
                self._make_room()
            self._rows.many(f"INSERT INTO {table} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows)
            self._rows.many(
                "UPDATE series SET last = ?, last_step = ?, last_time = ?, low = ?, high = ?, count = ? WHERE id = ?",
                sums,
            )

    def history(self, run: str, key: str, *, after: int = LEAST, limit: int = 10_000) -> list[Point]:
        """Give a series in the order of step, time and arrival; `after` is a step to go on from."""
        return [
            Point(key, math.nan if value is None else value, step, time)
            for step, time, _, value in self.rows(run, key, behind=(after, MOST, MOST), limit=limit)
        ]

    def rows(self, run: str, key: str, *, behind: tuple[int, int, int] | None = None, limit: int) -> list[Row]:
        """Give (step, time, n, value) of up to `limit` points in order, from behind one such place on. NaN is None."""
        row = self._rows.one("SELECT id FROM series WHERE run = ? AND key = ?", run, key)
        if row is None:
            return []
        return self._behind(self._table(row[0]), row[0], behind or (LEAST, LEAST, -1), MOST, limit=limit)

    def between(self, run: str, key: str, low: int, high: int) -> list[tuple[float, int, int]]:
        """Give (value, step, time) of every point between two steps, both included, in the order of step, time and arrival."""
        row = self._rows.one("SELECT id FROM series WHERE run = ? AND key = ?", run, key)
        if row is None:
            return []
        rows = self._rows.all(
            f"SELECT value, step, time, n FROM {self._table(row[0])} WHERE series = ? AND step BETWEEN ? AND ?"
            " ORDER BY step, time, n",  # SQLite merges two tables by what it selects
            row[0], low, high,
        )  # fmt: skip
        return [(math.nan if value is None else value, step, time) for value, step, time, _ in rows]

    def sampled(self, run: str, key: str, most: int, steps: tuple[int, int] | None = None) -> list[Row]:
        """Give (step, time, n, value) of `most` points at equal distances, the first and the last among them.

        `steps` are the first and the last step that count. Of one point that may stay it is the last. What lies between two
        is stepped over in the index, so that no more rows are read than are given.
        """
        low, high = steps or (LEAST, MOST)
        row = self._rows.one("SELECT id, count FROM series WHERE run = ? AND key = ?", run, key)
        if row is None:
            return []
        series, count = row
        table = self._table(series)
        if steps is not None:
            within = self._rows.one(
                f"SELECT COUNT(*) FROM {table} WHERE series = ? AND step BETWEEN ? AND ?", series, low, high
            )
            count = within[0] if within else 0
        if count <= most:
            return self._behind(table, series, (low, LEAST, -1), high, limit=most)
        found: list[Row] = []
        behind, at = (low, LEAST, -1), -1
        for wanted in _places(count, most):
            for here in self._behind(table, series, behind, high, limit=1, skip=wanted - at - 1):
                found.append(here)
                behind, at = here[:3], wanted
        return found

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

    def counts(self, runs: Iterable[str]) -> dict[str, dict[str, int]]:
        """Count the points of each series of some runs."""
        wanted, found = list(dict.fromkeys(runs)), dict[str, dict[str, int]]()
        for start in range(0, len(wanted), 500):
            few = wanted[start : start + 500]
            marks = ", ".join("?" * len(few))
            for run, key, count in self._rows.all(f"SELECT run, key, count FROM series WHERE run IN ({marks})", *few):
                found.setdefault(run, {})[key] = count
        return found

    def keys(self, run: str) -> list[str]:
        """Give the names of a run's series."""
        return [row[0] for row in self._rows.all("SELECT key FROM series WHERE run = ? ORDER BY key", run)]

    def _behind(
        self, table: str, series: int, place: tuple[int, int, int], high: int, *, limit: int, skip: int = 0
    ) -> list[Row]:
        return self._rows.all(
            f"SELECT step, time, n, value FROM {table} WHERE series = ? AND (step, time, n) > (?, ?, ?)"
            " AND step <= ? ORDER BY step, time, n LIMIT ? OFFSET ?",
            series, *place, high, limit, skip,
        )  # fmt: skip

    def _table(self, series: int) -> str:
        """Say where the points of a series lie: to read two tables as one costs more than one."""
        return _BOTH if self._rows.one("SELECT 1 FROM recent_points WHERE series = ? LIMIT 1", series) else "points"

    def _make_room(self) -> None:
        row = self._rows.one("SELECT COUNT(*) FROM recent_points")
        if row and row[0] >= RECENT:
            for statement in SETTLE:
                self._rows.do(statement)

    def _known(self, run: str, keys: Iterable[str]) -> list[_Series]:
        """Give each series as it is, making it where it is missing. No other transaction changes these until this one ends."""
        wanted = sorted(keys)
        found = self._found(run, wanted)
        if len(found) < len(wanted):
            there = {one[1] for one in found}
            missing = [key for key in wanted if key not in there]
            self._rows.many(
                "INSERT INTO series (run, key, last_step, last_time, count) VALUES (?, ?, ?, ?, 0)"
                " ON CONFLICT (run, key) DO NOTHING",
                [(run, key, LEAST, LEAST) for key in missing],
            )
            found += self._found(run, missing)
        return found

    def _found(self, run: str, keys: list[str]) -> list[_Series]:
        locked = "" if self._rows.dialect == "sqlite" else " FOR UPDATE"
        found: list[Any] = []
        if len(keys) == 1:
            return list(self._rows.all(f"SELECT {_SERIES} FROM series WHERE run = ? AND key = ?{locked}", run, keys[0]))
        for start in range(0, len(keys), _CHUNKS[-1]):
            few = keys[start : start + _CHUNKS[-1]]
            size = next(size for size in _CHUNKS if len(few) <= size)
            few += few[-1:] * (size - len(few))
            found += self._rows.all(
                f"SELECT {_SERIES} FROM series WHERE run = ? AND key IN ({', '.join('?' * size)}) ORDER BY key{locked}",
                run, *few,
            )  # fmt: skip
        return found

    def _fresh(self, here: _Series, batch: Sequence[Value]) -> Sequence[Value]:
        """Leave out what is there, and what stands twice. What comes behind the last point is new without a look."""
        _, _, _, step, time, *_ = here
        for value in batch:
            if value[0] < step or (value[0] == step and value[1] <= time):
                return self._sifted(here, batch)
            step, time, _ = value
        return batch

    def _sifted(self, here: _Series, batch: Sequence[Value]) -> list[Value]:
        series, last, told = here[0], here[3:5], dict.fromkeys(batch)
        there = self._there(series, [one for one in told if one[:2] <= last])
        return [one for one in told if one not in there]

    def _there(self, series: int, values: Sequence[Value]) -> set[Value]:
        """Say which of some points are there: all in one look, where not much else lies between them."""
        if not values:
            return set()
        table, most = self._table(series), 4 * len(values) + 100
        near = self._rows.all(
            f"SELECT step, time, value FROM {table} WHERE series = ? AND (step, time) >= (?, ?) AND (step, time) <= (?, ?)"
            " LIMIT ?",
            series, *min(one[:2] for one in values), *max(one[:2] for one in values), most,
        )  # fmt: skip
        if len(near) < most:
            return {(step, time, value) for step, time, value in near}
        return {
            one
            for one in values
            if self._rows.one(
                f"SELECT 1 FROM {table} WHERE series = ? AND step = ? AND time = ? AND value IS NOT DISTINCT FROM ? LIMIT 1",
                series, *one,
            )
        }  # fmt: skip


def _places(count: int, most: int) -> list[int]:
    """Choose `most` of the places 0 … `count` - 1: the first of each of so many parts of equal size, at the end the last."""
    size, more = divmod(count, most)
    return [*(part * size + min(part, more) for part in range(most - 1)), count - 1]


def _summed(here: _Series, batch: Sequence[Value]) -> tuple[object, ...]:
    """Say what a series comes to with a batch behind it."""
    series, _, last, last_step, last_time, low, high, number = here
    for step, time, value in batch:
        if step > last_step or (step == last_step and time >= last_time):
            last, last_step, last_time = value, step, time
        if value is not None:
            if low is None or value < low:
                low = value
            if high is None or value > high:
                high = value
    return last, last_step, last_time, low, high, number + len(batch), series
