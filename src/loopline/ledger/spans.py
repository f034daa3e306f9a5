"""spans: the parts of traces (table spans). They are telemetry: durable, and no event tells of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from loopline.nouns.trace import Happening, Pointing, Span, TraceState
from loopline.store.database import Row, Rows

_FEW = 500
_COLUMNS = "trace, id, parent, name, kind, state, began_ns, ended_ns, tokens, cost, model, content"


class Spans:
    """The spans of every trace, by the trace's number."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, trace: int, spans: Iterable[Span]) -> None:
        """Write spans down; one that is told again replaces what was there."""
        self._rows.many(
            f"INSERT INTO spans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace, id) DO UPDATE SET"
            " parent = excluded.parent, name = excluded.name, kind = excluded.kind, state = excluded.state,"
            " began_ns = excluded.began_ns, ended_ns = excluded.ended_ns, tokens = excluded.tokens, cost = excluded.cost,"
            " model = excluded.model, content = excluded.content",
            [
                (
                    trace, one.id, one.parent, one.name, one.kind, str(one.state), one.began_ns, one.ended_ns,
                    _written(one.tokens), _written(one.cost), one.model or None, _content(one),
                )
                for one in spans
            ],
        )  # fmt: skip

    def of(self, trace: int) -> list[Span]:
        """Give the spans of a trace: roots first, then by when they began."""
        return self.of_all([trace]).get(trace, [])

    def of_all(self, traces: Iterable[int]) -> dict[int, list[Span]]:
        """Give the spans of many traces, each in the same order."""
        wanted, found = list(dict.fromkeys(traces)), dict[int, list[Span]]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            for row in self._rows.all(
                f"SELECT {_COLUMNS} FROM spans WHERE trace IN ({', '.join('?' * len(few))})"
                " ORDER BY trace, CASE WHEN parent IS NULL THEN 0 ELSE 1 END, began_ns, id",
                *few,
            ):
                found.setdefault(row[0], []).append(_span(row))
        return found

    def count(self, trace: int) -> int:
        """Count the spans of a trace."""
        row = self._rows.one("SELECT COUNT(*) FROM spans WHERE trace = ?", trace)
        return int(row[0]) if row else 0

    def measured(
        self, trace: int
    ) -> list[tuple[str, str | None, Mapping[str, int] | None, Mapping[str, float] | None]]:
        """Give id, parent, tokens and cost of each span of a trace."""
        rows = self._rows.all("SELECT id, parent, tokens, cost FROM spans WHERE trace = ? ORDER BY id", trace)
        return [(row[0], row[1], _read(row[2]), _read(row[3])) for row in rows]

    def models(self, traces: Iterable[int]) -> list[str]:
        """Give the language models that some traces asked, by name."""
        found: set[str] = set()
        wanted = list(dict.fromkeys(traces))
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            found |= {
                row[0]
                for row in self._rows.all(
                    f"SELECT DISTINCT model FROM spans WHERE model IS NOT NULL AND trace IN ({marks})", *few
                )
            }
        return sorted(found)

    def drop(self, traces: Iterable[int]) -> None:
        """Remove the spans of traces, for good."""
        for trace in traces:
            self._rows.do("DELETE FROM spans WHERE trace = ?", trace)


def _written(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(dict(value))


def _read(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)


def _content(span: Span) -> str:
    """Write what no search has a column for. NUL is escaped in JSON, so that any database takes it."""
    said: dict[str, Any] = {"attributes": dict(span.attributes)}
    if span.message:
        said["message"] = span.message
    if span.happenings:
        said["happenings"] = [[one.name, one.time_ns, dict(one.attributes)] for one in span.happenings]
    if span.pointings:
        said["pointings"] = [[one.trace, one.span, dict(one.attributes)] for one in span.pointings]
    return json.dumps(said, ensure_ascii=False, separators=(", ", ": "))


def _span(row: Row) -> Span:
    said = json.loads(row[11])
    return Span(
        row[1], row[3], row[6], row[7], row[2], row[4], TraceState(row[5]), said.get("message", ""), said["attributes"],
        tuple(Happening(*one) for one in said.get("happenings", ())),
        tuple(Pointing(*one) for one in said.get("pointings", ())), _read(row[8]), _read(row[9]), row[10] or "",
    )  # fmt: skip
