"""feedbacks: what is said about traces (table feedbacks). As labels of predictions, they are telemetry."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from loopline.nouns.feedback import Feedback
from loopline.store.database import Row, Rows

_FEW = 500
_COLUMNS = (
    "id, kind, name, value, error, source_kind, source, rationale, facts, span, run, overrides, valid, created_at,"
    " updated_at"
)


class Feedbacks:
    """The words about every trace, by the trace's number."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, trace: int, words: Iterable[Feedback]) -> None:
        """Write words down; one of an id that is known replaces what was there."""
        self._rows.many(
            f"INSERT INTO feedbacks (trace, number, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (trace, id) DO UPDATE SET number = excluded.number, kind = excluded.kind, name = excluded.name,"
            " value = excluded.value, error = excluded.error, source_kind = excluded.source_kind, source = excluded.source,"
            " rationale = excluded.rationale, facts = excluded.facts, span = excluded.span, run = excluded.run,"
            " overrides = excluded.overrides, valid = excluded.valid, created_at = excluded.created_at,"
            " updated_at = excluded.updated_at",
            [
                (
                    trace, _number(one.value), one.id, one.kind, one.name, json.dumps(one.value, ensure_ascii=False),
                    None if one.error is None else json.dumps(dict(one.error), ensure_ascii=False), one.source_kind, one.source,
                    one.rationale, json.dumps(dict(one.facts), ensure_ascii=False), one.span, one.run, one.overrides,
                    int(one.valid), one.created_at, one.updated_at,
                )
                for one in words
            ],
        )  # fmt: skip

    def find(self, trace: int, name: str) -> Feedback | None:
        """Look one up by its id."""
        row = self._rows.one(
            f"SELECT t.id, {_named('f')} FROM feedbacks f JOIN traces t ON t.number = f.trace WHERE f.trace = ? AND f.id = ?",
            trace, name,
        )  # fmt: skip
        return _feedback(row[0], row[1:]) if row else None

    def of_all(self, traces: Iterable[int]) -> dict[int, list[Feedback]]:
        """Give the words about many traces, the oldest first."""
        wanted, found = list(dict.fromkeys(traces)), dict[int, list[Feedback]]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            for row in self._rows.all(
                f"SELECT f.trace, t.id, {_named('f')} FROM feedbacks f JOIN traces t ON t.number = f.trace"
                f" WHERE f.trace IN ({', '.join('?' * len(few))}) ORDER BY f.trace, f.created_at, f.id",
                *few,
            ):
                found.setdefault(row[0], []).append(_feedback(row[1], row[2:]))
        return found

    def value(self, trace: int, name: str, *, valid: bool) -> bool:
        """Say whether a word still counts, and tell whether it was there."""
        return bool(self._rows.do("UPDATE feedbacks SET valid = ? WHERE trace = ? AND id = ?", int(valid), trace, name))

    def drop(self, trace: int, name: str) -> None:
        """Remove one."""
        self._rows.do("DELETE FROM feedbacks WHERE trace = ? AND id = ?", trace, name)

    def clear(self, traces: Iterable[int]) -> None:
        """Remove every word about traces, for good."""
        for trace in traces:
            self._rows.do("DELETE FROM feedbacks WHERE trace = ?", trace)


def _named(table: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in _COLUMNS.split(","))


def _number(value: Any) -> float | None:
    """Give a value as a number where it is one, so that a search can compare it as one; true is 1."""
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _feedback(trace: str, row: Row) -> Feedback:
    return Feedback(
        row[0], trace, row[1], row[2], json.loads(row[3]), None if row[4] is None else json.loads(row[4]), row[5], row[6],
        row[7], json.loads(row[8]), row[9], row[10], row[11], bool(row[12]), row[13], row[14],
    )  # fmt: skip
