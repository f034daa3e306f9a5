"""teams: who belongs to what (table grants)."""

from __future__ import annotations

from loopline.store.database import Rows


class Teams:
    """Actors by role: `team/ml-leads`, `role/approver`."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, project: str, role: str, actor: str, *, by: str) -> None:
        """Give an actor a role. Repeating is harmless."""
        self._rows.do(
            "INSERT INTO grants (project, role, actor, granted_by, at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (project, role, actor) DO NOTHING",
            project, role, actor, by, self._now,
        )  # fmt: skip

    def remove(self, project: str, role: str, actor: str) -> bool:
        """Take a role away; False where the actor did not have it."""
        return bool(
            self._rows.do("DELETE FROM grants WHERE project = ? AND role = ? AND actor = ?", project, role, actor)
        )

    def all(self, project: str) -> dict[str, frozenset[str]]:
        """Give the members of every role."""
        members: dict[str, set[str]] = {}
        for role, actor in self._rows.all("SELECT role, actor FROM grants WHERE project = ?", project):
            members.setdefault(role, set()).add(actor)
        return {role: frozenset(actors) for role, actors in sorted(members.items())}
