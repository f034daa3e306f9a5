"""projects: the first part of every key (table projects)."""

from __future__ import annotations

from loopline.store.database import Rows


class Projects:
    """Which projects there are."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def ensure(self, name: str) -> None:
        """Create it where it is missing, or was deleted while nothing was in it. Repeating is harmless."""
        self._rows.do(
            "INSERT INTO projects (name, created_at, deleted_at) VALUES (?, ?, NULL)"
            " ON CONFLICT (name) DO UPDATE SET deleted_at = NULL WHERE projects.deleted_at IS NOT NULL",
            name,
            self._now,
        )

    def there(self, name: str) -> bool:
        """Tell whether there is one of that name."""
        return self._rows.one("SELECT 1 FROM projects WHERE name = ? AND deleted_at IS NULL", name) is not None

    def delete(self, name: str) -> None:
        """Mark it deleted. What was said in its feed stays."""
        self._rows.do("UPDATE projects SET deleted_at = ? WHERE name = ? AND deleted_at IS NULL", self._now, name)

    def list(self) -> list[str]:
        """Give their names, sorted."""
        return [row[0] for row in self._rows.all("SELECT name FROM projects WHERE deleted_at IS NULL ORDER BY name")]
