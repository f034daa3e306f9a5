"""monitors: how far each monitor has looked, and where it stands (table monitors).

A look is kept by compare-and-swap over the time up to which was looked: of two who look at the same window only one gets on,
so that none is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from loopline.errors import Conflict
from loopline.store.database import Rows


class Monitors:
    """Monitors of the services of every project. What their state holds is not known here: it is a short text."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def find(self, project: str, service: str, monitor: str) -> tuple[int, str] | None:
        """Give up to when it has looked, and its state; None where it never did."""
        row = self._rows.one(
            "SELECT looked_at, state FROM monitors WHERE project = ? AND service = ? AND monitor = ?",
            project, service, monitor,
        )  # fmt: skip
        return (row[0], row[1]) if row else None

    def looked_when(self, project: str, service: str, monitor: str) -> int:
        """Give when it looked last, by the ledger's clock; 0 where it never did."""
        row = self._rows.one(
            "SELECT updated_at FROM monitors WHERE project = ? AND service = ? AND monitor = ?",
            project,
            service,
            monitor,
        )
        return int(row[0]) if row else 0

    def of(self, project: str, service: str) -> Mapping[str, tuple[int, str]]:
        """Give the same for every monitor of a service."""
        rows = self._rows.all(
            "SELECT monitor, looked_at, state FROM monitors WHERE project = ? AND service = ? ORDER BY monitor",
            project, service,
        )  # fmt: skip
        return {name: (looked, state) for name, looked, state in rows}

    def move(self, place: tuple[str, str, str], *, old: int | None, new: int, state: str) -> None:
        """Keep a look of a monitor (project, service, name) up to `new`.

        Raise Conflict kind="monitor-moved" where it stands elsewhere than at `old` (None: it never looked).
        """
        if old is None:
            done = self._rows.do(
                "INSERT INTO monitors (project, service, monitor, looked_at, state, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (project, service, monitor) DO NOTHING",
                *place, new, state, self._now,
            )  # fmt: skip
        else:
            done = self._rows.do(
                "UPDATE monitors SET looked_at = ?, state = ?, updated_at = ?"
                " WHERE project = ? AND service = ? AND monitor = ? AND looked_at = ?",
                new, state, self._now, *place, old,
            )  # fmt: skip
        if not done:
            raise Conflict(
                f"somebody else has looked for {place[2]} of {place[1]}", kind="monitor-moved", hint="read it again",
                service=place[1], monitor=place[2], expected=old,
            )  # fmt: skip
