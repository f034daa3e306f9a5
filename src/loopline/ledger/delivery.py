"""delivery: what was moved, when and by which way, as plain rows for measuring, over the tables of many nouns.

It reads and counts; what the numbers mean is decided in the column `insights`. Where histories are long, it gives pieces.
`CROSS JOIN` keeps SQLite at the changes of a span, from which it looks up the rest; to PostgreSQL it is a join.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple, TypeVar

import msgspec

from loopline.store.database import Row, Rows

BATCH: Final = 500
"""Values in one `IN (…)`."""
COLUMN: Final = 1 << 18
"""Numbers in one text."""
Value = TypeVar("Value", int, str)
LAST: Final = 1 << 60
"""A place in the order of changes behind all of them."""
UNTOLD: Final = ("policy", "report")
"""Kinds of assets whose moves deliver nothing."""
_ASKED: Final = (
    "c.project = ? AND c.closed_seq >= ? AND c.state || '' = 'applied' AND c.closed_at >= ? AND c.closed_at < ?"
)
"""Its values are those of `_span`. The place in the order is what an index leads to: `||` keeps SQLite from the one by state."""


class Moving(NamedTuple):
    """One move that happened."""

    change: str
    asset: int
    kind: str
    name: str
    ref: str
    old: int | None
    new: int | None
    tier: str | None
    at: int
    why: str
    """Kind of the change."""
    undoes: str | None
    seq: int = 0
    """Where it stands in the order of all changes; the moves of one change have the same."""

    @property
    def whole(self) -> str:
        """Write its ref: `model/delay@champion`."""
        return f"{self.kind}/{self.name}@{self.ref}"


class Delivery:
    """The history of one project, as measures want it. A span is from a time (in it) to another (not)."""

    def __init__(self, rows: Rows, project: str) -> None:
        self._rows = rows
        self._project = project
        self._begun: dict[int, int] = {}

    def begins(self, since: int) -> int:
        """Give where in the order of all changes the first stands that was applied from a time on. A clock may go back."""
        if since not in self._begun:
            self._begun[since] = self._first(since)
        return self._begun[since]

    def _first(self, since: int) -> int:
        row = self._rows.one(
            "SELECT c.closed_seq FROM changes c WHERE c.project = ? AND c.state = 'applied' AND c.closed_at >= ?"
            " ORDER BY c.closed_seq LIMIT 1",
            self._project, since,
        )  # fmt: skip
        return int(row[0]) if row else LAST

    def _span(self, since: int, until: int) -> tuple[str, int, int, int]:
        return self._project, self.begins(since), since, until

    def moves(self, begins: int = 0) -> list[Moving]:
        """Give every move that happened from a place in the order of changes on, in order."""
        moves = self._moving("AND c.closed_seq >= ? AND m.change = c.id ORDER BY c.closed_seq", begins)
        moves.sort(key=attrgetter("seq", "asset", "ref"))  # nearly so already, which SQLite would make no use of
        return moves

    def moves_of(self, changes: Iterable[str]) -> list[Moving]:
        """Give every move that happened of some changes, those of each one after the other."""
        return [
            move
            for some in _pieces(sorted(set(changes)))
            for move in self._moving(f"AND c.id IN ({', '.join('?' * len(some))}) AND m.change = c.id", *some)
        ]

    def _moving(self, where: str, *values: str | int) -> list[Moving]:
        named = {key: kind for key, kind in self.assets().items() if kind[0] not in UNTOLD}
        rows = self._rows.all(
            "SELECT c.id, m.asset, m.ref, m.old, m.new, m.tier, c.closed_at, c.kind, c.undoes, c.closed_seq FROM changes c"
            f" CROSS JOIN moves m WHERE c.project = ? AND c.state = 'applied' {where}",
            self._project, *values,
        )  # fmt: skip
        return [Moving._make(row[:2] + named[row[1]] + row[2:]) for row in rows if row[1] in named]

    def before(self, begins: int) -> list[Row]:
        """Give (asset, ref, old, new, tier, when, place in the order) of every move before such a place, in order."""
        told = {key for key, (kind, _) in self.assets().items() if kind not in UNTOLD}
        rows = self._rows.all(
            "SELECT m.asset, m.ref, m.old, m.new, m.tier, c.closed_at, c.closed_seq FROM changes c CROSS JOIN moves m"
            " WHERE c.project = ? AND c.state = 'applied' AND c.closed_seq < ? AND m.change = c.id ORDER BY c.closed_seq",
            self._project, begins,
        )  # fmt: skip
        return sorted([row for row in rows if row[0] in told], key=itemgetter(6, 0, 1))

    def lines(self, asset: int, low: int, high: int) -> tuple[list[int], list[Row]]:
        """Give how an asset's versions from one number to another follow each other: most are made on the one before them.

        Those that are not, in order; and (number, parent) of whatever else they are made on. Where each is made on the one before
        it, only the parents below `low` are told: a line leads to all others.
        """
        where = "FROM parents WHERE asset = ? AND number >= ? AND number <= ? AND parent"
        span = (asset, low, high)
        row = self._rows.one(f"SELECT COUNT(*) {where} = number - 1", *span)
        first = max(low, 2)
        if row and row[0] == high - first + 1:
            edges = self._rows.all(f"SELECT number, parent {where} <> number - 1 AND parent < ?", *span, low)
            return list(range(low, first)), edges
        lined = self._column(f"SELECT number AS told {where} = number - 1", *span)
        breaks = sorted(set(range(low, high + 1)).difference(lined))
        return breaks, self._rows.all(f"SELECT number, parent {where} <> number - 1 ORDER BY number, parent", *span)

    def made(self, asset: int, low: int, high: int, *, told: bool) -> list[int]:
        """Give when each of an asset's versions from one number to another was made, in order.

        When it was recorded, or earlier where `told` and the world had its own time for it.
        """
        time = "CASE WHEN event_time < recorded_at THEN event_time ELSE recorded_at END" if told else "recorded_at"
        return [
            at
            for first in range(low, high + 1, COLUMN)
            for at in self._column(
                f"SELECT {time} AS told FROM versions WHERE asset = ? AND number >= ? AND number <= ? ORDER BY number",
                asset, first, min(first + COLUMN - 1, high),
            )
        ]  # fmt: skip

    def _column(self, select: str, *values: str | int) -> list[int]:
        """Give the numbers that a query calls `told`: as one text, which a database makes faster than a million rows."""
        row = self._rows.one(f"SELECT STRING_AGG(CAST(told AS TEXT), ',') FROM ({select}) n", *values)
        return msgspec.json.decode(f"[{row[0]}]", type=list[int]) if row and row[0] is not None else []

    def about(self, asset: int, numbers: Iterable[int]) -> list[int]:
        """Give the times of the world that some versions are about, where they say so."""
        found: list[int] = []
        for some in _pieces(sorted(set(numbers))):
            marks = ", ".join("?" * len(some))
            rows = self._rows.all(
                f"SELECT event_time FROM versions WHERE asset = ? AND event_time IS NOT NULL AND number IN ({marks})",
                asset, *some,
            )  # fmt: skip
            found += [row[0] for row in rows]
        return found

    def carried(self) -> list[Row]:
        """Give (asset, number, code asset, code number) of what was made by a run whose source is a version of code.

        What a service version carries is the source of the models in it.
        """
        code = (
            "JOIN assets k ON k.project = ? AND k.kind = 'code' JOIN versions c ON c.asset = k.id AND c.digest = r.code"
        )
        return self._rows.all(
            f"SELECT v.asset, v.number, c.asset, c.number FROM assets a JOIN versions v ON v.asset = a.id"
            f" JOIN runs r ON r.id = v.run {code} WHERE a.project = ? AND a.kind IN ('image', 'service', 'pipeline', 'env')"
            f" UNION SELECT v.asset, v.number, c.asset, c.number FROM assets a JOIN versions v ON v.asset = a.id"
            f" JOIN links l ON l.run = v.run AND l.direction = 'in' JOIN versions m ON m.asset = l.asset AND m.number = l.number"
            f" JOIN runs r ON r.id = m.run {code} WHERE a.project = ? AND a.kind = 'service'",
            self._project, self._project, self._project, self._project,
        )  # fmt: skip

    def served(self) -> list[Row]:
        """Give (service asset, number, model asset, model number) of what services are made of."""
        return self._rows.all(
            "SELECT v.asset, v.number, l.asset, l.number FROM assets a JOIN versions v ON v.asset = a.id"
            " JOIN links l ON l.run = v.run AND l.direction = 'in' JOIN assets m ON m.id = l.asset AND m.kind = 'model'"
            " WHERE a.project = ? AND a.kind = 'service'",
            self._project,
        )

    def followed(self) -> list[Row]:
        """Give (service asset, pointer) of the models that services name."""
        return self._rows.all(
            "SELECT DISTINCT v.asset, p.value FROM assets a JOIN versions v ON v.asset = a.id JOIN params p ON p.run = v.run"
            " WHERE a.project = ? AND a.kind = 'service'",
            self._project,
        )

    def closures(self, asset: int) -> list[Row]:
        """Give (number, data asset, data number) of what the versions of a model were trained on, however far back."""
        return self._rows.all(
            "WITH RECURSIVE walk(number, run) AS ("
            " SELECT v.number, v.run FROM versions v WHERE v.asset = ? AND v.run IS NOT NULL"
            " UNION SELECT w.number, COALESCE("
            " (SELECT v.run FROM versions v WHERE v.asset = i.asset AND v.number = i.number),"
            " (SELECT MIN(o.run) FROM links o WHERE o.digest = i.digest AND o.direction = 'out'))"
            " FROM walk w JOIN links i ON i.run = w.run AND i.direction = 'in')"
            " SELECT DISTINCT w.number, i.asset, i.number FROM walk w JOIN links i ON i.run = w.run AND i.direction = 'in'"
            " JOIN assets a ON a.id = i.asset AND a.kind = 'data' AND a.project = ?",
            asset, self._project,
        )  # fmt: skip

    def assets(self) -> dict[int, tuple[str, str]]:
        """Give kind and name of every asset."""
        rows = self._rows.all("SELECT id, kind, name FROM assets WHERE project = ?", self._project)
        return {row[0]: (row[1], row[2]) for row in rows}

    def blames(self) -> list[Row]:
        """Give (incident, relation, change, source, opened, resolved). That a change was let through is no trouble with it."""
        return self._rows.all(
            "SELECT b.incident, b.relation, b.change, b.source, i.opened_at, i.resolved_at FROM blames b"
            " JOIN incidents i ON i.id = b.incident WHERE i.project = ? AND b.source <> 'override' ORDER BY i.id, b.change",
            self._project,
        )

    def alerts(self) -> list[Row]:
        """Give (id, change, kind, opened, resolved) of alerts that know under which change they were opened."""
        return self._rows.all(
            "SELECT id, change, kind, opened_at, resolved_at FROM alerts WHERE project = ? AND change <> '' ORDER BY id",
            self._project,
        )

    def retrained(self) -> list[Row]:
        """Give (alert, opened, change or nothing) of drift and quality alerts that set a trigger off which proposes something."""
        return self._rows.all(
            "SELECT a.id, a.opened_at, f.change FROM alerts a JOIN firings f ON f.project = a.project"
            " AND f.cause = 'alert:' || a.id WHERE a.project = ? AND a.kind IN ('drift', 'quality') AND f.propose <> ''"
            " ORDER BY a.id",
            self._project,
        )

    def quarantined(self) -> list[Row]:
        """Give (asset, number) of data that turned out to be bad."""
        return self._rows.all(
            "SELECT q.asset, q.number FROM quarantine q JOIN assets a ON a.id = q.asset WHERE a.project = ? AND a.kind = 'data'",
            self._project,
        )

    def proposed(self, since: int, until: int) -> list[Row]:
        """Give (change, created, closed, version recorded, its run began, ended) of changes that were applied in a span.

        In the order in which they were, one row for each version that a change moved to. A rollback makes nothing.
        """
        return self._rows.all(
            "SELECT c.id, c.created_at, c.closed_at, v.recorded_at, r.started_at, r.ended_at FROM changes c"
            " LEFT JOIN moves m ON m.change = c.id AND c.kind <> 'rollback'"
            " LEFT JOIN versions v ON v.asset = m.asset AND v.number = m.new LEFT JOIN runs r ON r.id = v.run"
            f" WHERE {_ASKED} ORDER BY c.closed_seq",
            *self._span(since, until),
        )  # fmt: skip

    def checking(self, since: int, until: int) -> list[Row]:
        """Give (change, began, ended) of the runs of their checks."""
        return self._rows.all(
            "SELECT DISTINCT c.id, r.started_at, r.ended_at FROM changes c CROSS JOIN verdicts v CROSS JOIN runs r"
            f" WHERE {_ASKED} AND v.project = c.project AND v.head = c.head AND r.id = v.run AND r.started_at IS NOT NULL"
            " AND r.ended_at IS NOT NULL",
            *self._span(since, until),
        )  # fmt: skip

    def verdicts(self, since: int, until: int) -> list[Row]:
        """Give (change, created, closed, first verdict, last verdict, oldest that counted) of those that were checked."""
        return self._rows.all(
            "SELECT n.id, n.created_at, n.closed_at, MIN(n.oldest), MAX(n.newest), MIN(n.newest) FROM ("
            " SELECT c.id, c.created_at, c.closed_at, MIN(v.at) AS oldest, MAX(v.at) AS newest FROM changes c"
            f" CROSS JOIN verdicts v WHERE {_ASKED} AND v.project = c.project AND v.head = c.head AND v.result <> 'pending'"
            " AND v.at <= c.closed_at GROUP BY c.id, c.created_at, c.closed_at, v.name) n"
            " GROUP BY n.id, n.created_at, n.closed_at ORDER BY n.closed_at",
            *self._span(since, until),
        )  # fmt: skip

    def answers(self, since: int, until: int) -> list[Row]:
        """Give (change, first answer of another than its author, last answer, answers) of those that somebody answered."""
        return self._rows.all(
            "SELECT c.id, MIN(CASE WHEN p.actor <> c.author THEN p.at END), MAX(p.at), COUNT(*) FROM changes c"
            f" CROSS JOIN approvals p WHERE {_ASKED} AND p.change = c.id AND p.at <= c.closed_at GROUP BY c.id",
            *self._span(since, until),
        )  # fmt: skip

    def rolling(self, since: int, until: int) -> list[Row]:
        """Give (change, when its traffic began to shift), as the decision that started it says, or the feed."""
        return self._rows.all(
            "SELECT c.id, MIN(d.at) FROM changes c CROSS JOIN decisions d"
            f" WHERE {_ASKED} AND d.change = c.id AND d.phase = 'start' GROUP BY c.id UNION ALL"
            f" SELECT c.id, MIN(e.recorded_at) FROM changes c CROSS JOIN events e WHERE {_ASKED} AND e.project = c.project"
            " AND e.kind = 'rollout.started' AND e.subject = c.id GROUP BY c.id",
            *self._span(since, until), *self._span(since, until),
        )  # fmt: skip

    def models(self, changes: Iterable[str]) -> list[Row]:
        """Give (change, kind of the run that made it or nothing, whether a trigger began that, approved, checked) of models."""
        return [
            row
            for some in _pieces(sorted(set(changes)))
            for row in self._rows.all(
                "SELECT c.id, r.kind, CASE WHEN r.actor LIKE ? THEN 1 ELSE 0 END,"
                " CASE WHEN EXISTS (SELECT 1 FROM approvals p WHERE p.change = c.id AND p.answer = 'approve') THEN 1 ELSE 0 END,"
                " CASE WHEN EXISTS (SELECT 1 FROM verdicts d WHERE d.project = c.project AND d.head = c.head"
                " AND d.at <= c.closed_at) THEN 1 ELSE 0 END FROM changes c CROSS JOIN moves m CROSS JOIN assets a"
                " CROSS JOIN versions v LEFT JOIN runs r ON r.id = v.run"
                f" WHERE c.project = ? AND c.id IN ({', '.join('?' * len(some))}) AND c.state = 'applied'"
                " AND m.change = c.id AND a.id = m.asset AND a.kind = 'model' AND v.asset = m.asset AND v.number = m.new",
                "trigger:%", self._project, *some,
            )
        ]  # fmt: skip

    def sliced(self, since: int, until: int) -> bool:
        """Tell whether a verdict of a span measured a slice."""
        sliced = '%"slice":"%'
        return self._rows.one(
            "SELECT 1 FROM verdicts WHERE project = ? AND at >= ? AND at < ? AND estimates LIKE ?"
            " AND REPLACE(estimates, ?, '') LIKE ? LIMIT 1",
            self._project, since, until, sliced, '"slice":""', sliced,
        ) is not None  # fmt: skip

    def tried(self, since: int, until: int) -> int:
        """Give the most values that one param of one pipeline had in a span."""
        row = self._rows.one(
            "SELECT MAX(n.count) FROM (SELECT COUNT(DISTINCT p.value) AS count FROM runs r JOIN params p ON p.run = r.id"
            " WHERE r.project = ? AND r.kind IN ('pipeline', 'run') AND r.recorded_at >= ? AND r.recorded_at < ?"
            " GROUP BY r.name, p.key) n",
            self._project, since, until,
        )  # fmt: skip
        return int(row[0] or 0) if row else 0


def _pieces(values: Sequence[Value]) -> Iterable[Sequence[Value]]:
    return (values[at : at + BATCH] for at in range(0, len(values), BATCH))
