"""incidents: what went wrong, and which changes caused and fixed it (tables incidents, blames)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.incident import Blame, Incident
from loopline.store.database import Row, Rows

LEAST: Final = 4
"""Digits by which an id can be named."""
_SELECT = "SELECT id, project, title, severity, opened_by, opened_at, resolved_at FROM incidents"


class Incidents:
    """The incidents of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def open(self, incident: Incident) -> Incident:
        """Write one down with its edges."""
        self._rows.do(
            "INSERT INTO incidents (id, project, title, severity, opened_by, opened_at) VALUES (?, ?, ?, ?, ?, ?)",
            incident.id, incident.project, incident.title, incident.severity, incident.opened_by, self._now,
        )  # fmt: skip
        for blame in incident.blames:
            self.blame(incident.id, blame)
        return self.get(incident.id)

    def get(self, incident: str) -> Incident:
        """Look one up. Raise NotFound."""
        row = self._rows.one(f"{_SELECT} WHERE id = ?", incident)
        if row is None:
            raise NotFound(
                f"there is no incident {incident}",
                kind="no-incident",
                hint="loopline find incidents",
                incident=incident,
            )
        return self._incident(row)

    def beginning(self, project: str, prefix: str) -> Incident | None:
        """Find one by the first digits of its id (4 or more); None where there is none. Raise Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows = self._rows.all(f"{_SELECT} WHERE project = ? AND id >= ? AND id < ? LIMIT 2", project, low, high)
        if len(rows) > 1:
            raise Conflict(
                f"several incidents begin with {prefix}", kind="ambiguous-id", hint="write more digits", prefix=prefix
            )
        return self._incident(rows[0]) if rows else None

    def list(self, project: str, *, open_only: bool = False, limit: int = 50, after: str = "") -> Sequence[Incident]:
        """Give them newest first; `after` is an id to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = 0 OR resolved_at IS NULL) AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
            project, int(open_only), after, after, limit,
        )  # fmt: skip
        return [self._incident(row) for row in rows]

    def about(self, change: str) -> Sequence[Incident]:
        """Give those that a change caused or fixed."""
        rows = self._rows.all(
            f"{_SELECT} WHERE id IN (SELECT incident FROM blames WHERE change = ?) ORDER BY id", change
        )
        return [self._incident(row) for row in rows]

    def blame(self, incident: str, blame: Blame) -> None:
        """Add an edge, or replace its source and confidence."""
        self._rows.do(
            "INSERT INTO blames (incident, relation, change, source, confidence) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (incident, relation, change) DO UPDATE SET source = excluded.source, confidence = excluded.confidence",
            incident, blame.relation, blame.change, blame.source, blame.confidence,
        )  # fmt: skip

    def resolve(self, incident: str) -> None:
        """Close it as of now; closing twice keeps the first time."""
        self.get(incident)
        self._rows.do("UPDATE incidents SET resolved_at = COALESCE(resolved_at, ?) WHERE id = ?", self._now, incident)

    def _incident(self, row: Row) -> Incident:
        blames = self._rows.all(
            "SELECT relation, change, source, confidence FROM blames WHERE incident = ? ORDER BY relation, change",
            row[0],
        )
        name, project, title, severity, opened_by, opened_at, resolved_at = row
        edges = tuple(Blame(*blame) for blame in blames)
        return Incident(name, project, title, severity, opened_by, opened_at, resolved_at, edges)
