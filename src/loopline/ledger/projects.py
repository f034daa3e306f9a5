"""projects: the first part of every key (table projects)."""

from __future__ import annotations

from loopline.store.database import Rows


class Projects:
    """Which projects there are."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def ensure(self, name: str) -> None:
        """Create it where it is missing. Repeating is harmless."""
        self._rows.do(
            "INSERT INTO projects (name, created_at, deleted_at) VALUES (?, ?, NULL) ON CONFLICT (name) DO NOTHING",
            name,
            self._now,
        )

    def list(self) -> list[str]:
        """Give their names, sorted."""
        return [row[0] for row in self._rows.all("SELECT name FROM projects WHERE deleted_at IS NULL ORDER BY name")]
