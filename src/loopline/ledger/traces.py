"""traces: what programs tell of their requests (tables traces, trace_facts, trace_links; their tags are in taggings).

They are telemetry: durable, and no event tells of them; only that some were deleted is one. A trace is of one project: another
may have one of the same id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loopline.errors import NotFound
from loopline.nouns.trace import Trace, TraceState

if TYPE_CHECKING:
    from loopline.ledger.taggings import Taggings
    from loopline.store.database import Row, Rows

RUN = "run"
_FEW = 500
_COLUMNS = (
    "number, project, id, experiment, name, state, time, duration, client, request, response, session, tokens, cost, spans,"
    " told, recorded_at"
)
_SELECT = f"SELECT {', '.join(f't.{name.strip()}' for name in _COLUMNS.split(','))} FROM traces t"


@dataclass(frozen=True, slots=True)
class Doomed:
    """Which traces of an experiment shall go: some by their ids, or the oldest that began up to some time."""

    experiment: int
    ids: Sequence[str] = ()
    until: int | None = None
    most: int | None = None


class Traces:
    """The traces of every project."""

    def __init__(self, rows: Rows, now: int, taggings: Taggings) -> None:
        self._rows = rows
        self._now = now
        self._taggings = taggings

    def hold(self, project: str, name: str, *, experiment: int, time: int) -> tuple[Trace, bool]:
        """Give a trace, begun where it is missing, and whether it was there; nobody else changes it until this is written."""
        row = self._rows.one(
            "INSERT INTO traces (project, id, experiment, state, time, recorded_at) VALUES (?, ?, ?, ?, ?, ?)"
            f" ON CONFLICT (project, id) DO UPDATE SET id = excluded.id RETURNING {_COLUMNS}",
            project, name, experiment, str(TraceState.UNKNOWN), time, self._now,
        )  # fmt: skip
        assert row is not None  # noqa: S101 (an INSERT that returns its row)
        held = self._filled([_trace(row)])[0]
        return held, bool(held.spans or held.told)

    def save(self, trace: Trace) -> None:
        """Write down how a trace stands now, but for its facts, tags and links."""
        self._rows.do(
            "UPDATE traces SET experiment = ?, name = ?, state = ?, time = ?, duration = ?, client = ?, request = ?,"
            " response = ?, session = ?, tokens = ?, cost = ?, spans = ?, told = ? WHERE number = ?",
            trace.experiment, trace.name, str(trace.state), trace.time, trace.duration, trace.client, trace.request,
            trace.response, trace.session, json.dumps(dict(trace.tokens)), json.dumps(dict(trace.cost)), trace.spans,
            int(trace.told), trace.number,
        )  # fmt: skip

    def state(self, trace: int, facts: Mapping[str, str]) -> None:
        """Add facts; the newest value stays."""
        self._rows.many(
            "INSERT INTO trace_facts (trace, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (trace, key) DO UPDATE SET value = excluded.value",
            [(trace, key, value) for key, value in facts.items()],
        )

    def link(self, trace: int, kind: str, targets: Iterable[str]) -> None:
        """Say that it belongs to something. Saying it again changes nothing."""
        self._rows.many(
            "INSERT INTO trace_links (trace, kind, target) VALUES (?, ?, ?) ON CONFLICT (trace, kind, target) DO NOTHING",
            [(trace, kind, target) for target in targets],
        )

    def find(self, project: str, name: str) -> Trace | None:
        """Look one up by its id."""
        return next(iter(self.several(project, [name])), None)

    def get(self, project: str, name: str) -> Trace:
        """Look one up by its id. Raise NotFound."""
        found = self.find(project, name)
        if found is None:
            raise NotFound(
                f"there is no trace {name[:100]}",
                kind="no-trace",
                hint="look at the list of traces",
                trace=name[:100],
            )
        return found

    def several(self, project: str, names: Iterable[str]) -> list[Trace]:
        """Give those that are there, in the order of their ids as they are asked for."""
        wanted, found = list(dict.fromkeys(names)), dict[str, Trace]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            rows = self._rows.all(
                f"{_SELECT} WHERE t.project = ? AND t.id IN ({', '.join('?' * len(few))})", project, *few
            )
            found.update((row[2], _trace(row)) for row in rows)
        return self._filled([found[name] for name in wanted if name in found])

    def search(
        self, where: str, values: Iterable[object], *, order: str, limit: int, offset: int = 0
    ) -> Sequence[Trace]:
        """Give traces `t` by a condition that `ledger/tracesearch.py` has composed."""
        rows = self._rows.all(f"{_SELECT} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, limit, offset)
        return self._filled([_trace(row) for row in rows])

    def newest(self) -> int:
        """Give the number of the newest trace of the ledger; 0 where there is none."""
        row = self._rows.one("SELECT MAX(number) FROM traces")
        return int(row[0] or 0) if row else 0

    def count(self, project: str) -> int:
        """Count the traces of a project."""
        row = self._rows.one("SELECT COUNT(*) FROM traces WHERE project = ?", project)
        return int(row[0]) if row else 0

    def of_run(self, project: str, run: str) -> int:
        """Count the traces of a project that belong to a run."""
        row = self._rows.one(
            "SELECT COUNT(*) FROM trace_links l JOIN traces t ON t.number = l.trace"
            " WHERE l.kind = ? AND l.target = ? AND t.project = ?",
            RUN, run, project,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def doomed(self, project: str, what: Doomed) -> list[Trace]:
        """Give the traces that shall go, the oldest first."""
        where, values = "t.project = ? AND t.experiment = ?", list[object]((project, what.experiment))
        if what.until is not None:
            where, values = f"{where} AND t.time <= ?", [*values, what.until]
        found: list[Trace] = []
        ids = list(dict.fromkeys(what.ids))
        for start in range(0, len(ids) or 1, _FEW):
            few = ids[start : start + _FEW]
            among = f" AND t.id IN ({', '.join('?' * len(few))})" if few else ""
            limit, more = ("", ()) if what.most is None else (" LIMIT ?", (what.most,))
            rows = self._rows.all(f"{_SELECT} WHERE {where}{among} ORDER BY t.time, t.id{limit}", *values, *few, *more)
            found += map(_trace, rows)
        return found

    def delete(self, traces: Iterable[Trace]) -> None:
        """Remove traces with their facts, tags and links: nothing brings them back."""
        for one in traces:
            self._taggings.clear(one.subject)
            for table in ("trace_facts", "trace_links"):
                self._rows.do(f"DELETE FROM {table} WHERE trace = ?", one.number)
            self._rows.do("DELETE FROM traces WHERE number = ?", one.number)

    def _filled(self, traces: list[Trace]) -> list[Trace]:
        if not traces:
            return []
        facts, runs = dict[int, dict[str, str]](), dict[int, list[str]]()
        for start in range(0, len(traces), _FEW):
            few = [one.number for one in traces[start : start + _FEW]]
            marks = ", ".join("?" * len(few))
            for trace, key, value in self._rows.all(
                f"SELECT trace, key, value FROM trace_facts WHERE trace IN ({marks}) ORDER BY trace, key", *few
            ):
                facts.setdefault(trace, {})[key] = value
            for trace, target in self._rows.all(
                f"SELECT trace, target FROM trace_links WHERE kind = ? AND trace IN ({marks}) ORDER BY trace, target",
                RUN, *few,
            ):  # fmt: skip
                runs.setdefault(trace, []).append(target)
        tags = self._taggings.of_all(one.subject for one in traces)
        return [
            replace(
                one,
                facts=facts.get(one.number, {}),
                tags=tags.get(one.subject, {}),
                runs=tuple(runs.get(one.number, ())),
            )
            for one in traces
        ]


def _trace(row: Row) -> Trace:
    return Trace(
        row[2], row[1], row[3], row[0], row[4], TraceState(row[5]), row[6], row[7], row[8], row[9], row[10], row[11],
        json.loads(row[12]), json.loads(row[13]), row[14], bool(row[15]), row[16],
    )  # fmt: skip
