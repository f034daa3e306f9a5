"""incidents: what went wrong, and which changes caused and fixed it (tables incidents, blames)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.incident import Blame, Incident, line_of
from loopline.store.database import Row, Rows

LEAST: Final = 4
"""Digits by which an id can be named."""
_COLUMNS = "id, project, title, severity, opened_by, opened_at, resolved_at, about, began_at, resolved_by, resolution"
_SELECT = f"SELECT {_COLUMNS} FROM incidents"
_BLAME = "SELECT relation, change, source, confidence, actor, at, why FROM blames"


class Incidents:
    """The incidents of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def open(self, incident: Incident) -> Incident:
        """Write one down with its edges; a title that was made of a reason is kept as one line."""
        self._rows.do(
            "INSERT INTO incidents (id, project, title, severity, opened_by, opened_at, about, began_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            incident.id, incident.project, line_of(incident.title), incident.severity, incident.opened_by, self._now,
            incident.about, incident.began_at,
        )  # fmt: skip
        for blame in incident.blames:
            self.blame(incident.id, replace(blame, by=blame.by or incident.opened_by))
        return self.get(incident.id)

    def get(self, incident: str) -> Incident:
        """Look one up. Raise NotFound."""
        row = self._rows.one(f"{_SELECT} WHERE id = ?", incident)
        if row is None:
            raise _unknown(incident)
        return self._incident(row)

    def known(self, project: str, prefix: str) -> Incident:
        """Find one of a project by the first digits of its id. Raise NotFound, Conflict."""
        found = self.beginning(project, prefix)
        if found is None:
            raise _unknown(prefix)
        return found

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

    def titles(self, project: str, ids: Iterable[str]) -> dict[str, str]:
        """Give the titles of those of a project's incidents that have these whole ids."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        marks = ", ".join("?" * len(wanted))
        return dict(
            self._rows.all(f"SELECT id, title FROM incidents WHERE project = ? AND id IN ({marks})", project, *wanted)
        )

    def blame(self, incident: str, blame: Blame) -> Blame | None:
        """Add an edge, or replace what is said of it, as of now. Give what was said before; None: it is new."""
        row = self._rows.one(
            f"{_BLAME} WHERE incident = ? AND relation = ? AND change = ?", incident, blame.relation, blame.change
        )
        self._rows.do(
            "INSERT INTO blames (incident, relation, change, source, confidence, actor, at, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (incident, relation, change) DO UPDATE SET source = excluded.source, confidence = excluded.confidence,"
            " actor = excluded.actor, at = excluded.at, why = excluded.why",
            incident, blame.relation, blame.change, blame.source, blame.confidence, blame.by, self._now, blame.why,
        )  # fmt: skip
        return Blame(*row) if row else None

    def absolve(self, incident: str, blame: Blame) -> None:
        """Take an edge away."""
        self._rows.do(
            "DELETE FROM blames WHERE incident = ? AND relation = ? AND change = ?",
            incident, blame.relation, blame.change,
        )  # fmt: skip

    def edit(self, incident: Incident) -> Incident:
        """Say otherwise what it is, how bad, about what, and since when."""
        self._rows.do(
            "UPDATE incidents SET title = ?, severity = ?, about = ?, began_at = ? WHERE id = ?",
            incident.title, incident.severity, incident.about, incident.began_at, incident.id,
        )  # fmt: skip
        return self.get(incident.id)

    def resolve(self, incident: str, *, by: str = "", why: str = "") -> Incident:
        """Close it as of now; closing twice keeps the first time."""
        self.get(incident)
        self._rows.do(
            "UPDATE incidents SET resolved_at = ?, resolved_by = ?, resolution = ? WHERE id = ? AND resolved_at IS NULL",
            self._now, by, why, incident,
        )  # fmt: skip
        return self.get(incident)

    def reopen(self, incident: str) -> Incident:
        """Have it open again: that it was resolved stays in the feed."""
        self._rows.do(
            "UPDATE incidents SET resolved_at = NULL, resolved_by = '', resolution = '' WHERE id = ?", incident
        )
        return self.get(incident)

    def _incident(self, row: Row) -> Incident:
        blames = self._rows.all(f"{_BLAME} WHERE incident = ? ORDER BY relation, change", row[0])
        (
            number,
            project,
            title,
            severity,
            opened_by,
            opened_at,
            resolved_at,
            about,
            began_at,
            resolved_by,
            resolution,
        ) = row
        edges = tuple(Blame(*blame) for blame in blames)
        return Incident(
            number, project, title, severity, opened_by, opened_at, resolved_at, edges, about, began_at, resolved_by, resolution
        )  # fmt: skip


def _unknown(incident: str) -> NotFound:
    return NotFound(
        f"there is no incident {incident}", kind="no-incident", hint="loopline find incidents", incident=incident
    )
