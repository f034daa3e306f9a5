"""teams: who belongs to what (table grants)."""

from __future__ import annotations

from loopline.store.database import Rows


class Teams:
    """Actors by role: `team/ml-leads`, `role/approver`."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, project: str, role: str, actor: str, *, by: str) -> bool:
        """Give an actor a role; False where they had it. Repeating is harmless."""
        return bool(self._rows.do(
            "INSERT INTO grants (project, role, actor, granted_by, at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (project, role, actor) DO NOTHING",
            project, role, actor, by, self._now,
        ))  # fmt: skip

    def remove(self, project: str, role: str, actor: str) -> bool:
        """Take a role away; False where the actor did not have it."""
        return bool(
            self._rows.do("DELETE FROM grants WHERE project = ? AND role = ? AND actor = ?", project, role, actor)
        )

    def all(self, project: str) -> dict[str, frozenset[str]]:
        """Give the members of every role, and those whose team is one in every project."""
        members: dict[str, set[str]] = {}
        for home, role, actor in self._rows.all(
            "SELECT project, role, actor FROM grants WHERE project IN (?, '*')", project
        ):
            if home != project and not role.startswith("team/"):
                continue
            members.setdefault(role, set()).add(actor)
        return {role: frozenset(actors) for role, actors in sorted(members.items())}

    def own(self, project: str) -> set[str]:
        """Give the teams that have members in a project itself."""
        rows = self._rows.all("SELECT DISTINCT role FROM grants WHERE project = ?", project)
        return {row[0] for row in rows if row[0].startswith("team/")}

    def standing(self, actor: str) -> list[tuple[str, str]]:
        """Give (project, role) for each role that an actor has, itself or by a team. The project `*` is every project.

        A team that is granted a role in a project gives it there to its members; membership and grant must meet in a project.
        """
        own = self._of([actor])
        teams = [(project, role) for project, role, _ in own if role.startswith("team/")]
        found = [(project, role) for project, role, _ in own if role.startswith("role/")]
        for project, role, team in self._of(sorted({team for _, team in teams})):
            for home, member_of in teams:
                if member_of == team and role.startswith("role/") and (home == project or "*" in (home, project)):
                    found.append((home if project == "*" else project, role))
        return sorted(set(found))

    def holders(self, project: str, role: str) -> list[str]:
        """Give the actors that have a role in a project (`*`: everywhere), themselves or by a team."""
        found: set[str] = set()
        for (holder,) in self._rows.all("SELECT actor FROM grants WHERE project = ? AND role = ?", project, role):
            if holder.startswith("team/"):
                rows = self._rows.all(
                    "SELECT actor FROM grants WHERE project IN (?, '*') AND role = ?", project, holder
                )
                found.update(row[0] for row in rows)
            else:
                found.add(holder)
        return sorted(found)

    def everybody(self) -> list[str]:
        """Give every actor that somebody has put into a team or given a role."""
        rows = self._rows.all("SELECT DISTINCT actor FROM grants WHERE actor NOT LIKE ? ORDER BY actor", "team/%")
        return [row[0] for row in rows]

    def _of(self, actors: list[str]) -> list[tuple[str, str, str]]:
        if not actors:
            return []
        marks = ", ".join("?" * len(actors))
        rows = self._rows.all(f"SELECT project, role, actor FROM grants WHERE actor IN ({marks})", *actors)
        return [(row[0], row[1], row[2]) for row in rows]

    def given(self, project: str, actor: str, *, by: str) -> set[str]:
        """Give the teams that somebody has put an actor into."""
        rows = self._rows.all(
            "SELECT role FROM grants WHERE project = ? AND actor = ? AND granted_by = ?", project, actor, by
        )
        return {row[0] for row in rows if row[0].startswith("team/")}
