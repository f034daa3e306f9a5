"""assessments: what a team says about its practices (table assessments)."""

from __future__ import annotations

from loopline.nouns.assessment import Assessment
from loopline.store.database import Rows


class Assessments:
    """The answers of every project. All are kept; of each practice the newest counts."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, project: str, one: Assessment) -> Assessment:
        """Write one down as of now."""
        self._rows.do(
            "INSERT INTO assessments (project, practice, answer, note, actor, at) VALUES (?, ?, ?, ?, ?, ?)",
            project, one.practice, one.answer, one.note, one.by, self._now,
        )  # fmt: skip
        return Assessment(one.practice, one.answer, one.note, one.by, self._now)

    def newest(self, project: str) -> dict[str, Assessment]:
        """Give what counts, by practice."""
        rows = self._rows.all(
            "SELECT practice, answer, note, actor, at FROM assessments WHERE id IN"
            " (SELECT MAX(id) FROM assessments WHERE project = ? GROUP BY practice)",
            project,
        )
        return {row[0]: Assessment(*row) for row in rows}
