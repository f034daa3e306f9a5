"""firings: what triggers have met, and how far each has looked (tables firings, trigger_marks).

A trigger meets a cause once: the database refuses the second, whichever server it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from loopline.errors import Conflict
from loopline.nouns.firing import Firing, FiringState, Mark
from loopline.store.database import Row, Rows

_COLUMNS = "id, project, name, cause, why, state, fired_at, chain, propose, target, task, run, change, incident, error, ended_at"
_SELECT = f"SELECT {_COLUMNS} FROM firings"
_MARK = "SELECT name, declared, position, looked_at, held, held_why FROM trigger_marks"


class Firings:
    """The firings and marks of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, one: Firing) -> Firing:
        """Write one down as of now, and forget what was held. Raise Conflict kind="fired-already" for a cause that was met."""
        over = one.state in ("done", "failed")
        done = self._rows.do(
            f"INSERT INTO firings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (project, name, cause) DO NOTHING",
            one.id, one.project, one.trigger, one.cause, one.why, one.state, self._now, " ".join(one.chain), one.propose, one.to,
            one.task, one.run, one.change, one.incident, one.error, self._now if over else None,
        )  # fmt: skip
        if not done:
            raise Conflict(
                f"{one.trigger} has met {one.cause} already", kind="fired-already", hint="nothing is to be done",
                trigger=one.trigger, cause=one.cause,
            )  # fmt: skip
        self._rows.do(
            "UPDATE trigger_marks SET held = 0, held_why = '' WHERE project = ? AND name = ?", one.project, one.trigger
        )
        return replace(one, fired_at=self._now, ended_at=self._now if over else None)

    def move(self, one: Firing, state: FiringState, *, run: str = "", change: str = "", error: str = "") -> Firing:
        """Bring one on, if it is where it was seen. Raise Conflict kind="firing-moved" where somebody else has."""
        ended = self._now if state in ("done", "failed") else None
        after = replace(
            one, state=state, run=run or one.run, change=change or one.change, error=error or one.error, ended_at=ended
        )
        if not self._rows.do(
            "UPDATE firings SET state = ?, run = ?, change = ?, error = ?, ended_at = ? WHERE id = ? AND state = ?",
            after.state, after.run, after.change, after.error, ended, one.id, one.state,
        ):  # fmt: skip
            raise Conflict(f"firing {one.id} has moved on", kind="firing-moved", hint="read it again", firing=one.id)
        return after

    def unfinished(self, project: str, *, limit: int = 200) -> Sequence[Firing]:
        """Give those of a project whose effect is not complete, oldest first."""
        rows = self._rows.all(f"{_SELECT} WHERE project = ? AND ended_at IS NULL ORDER BY id LIMIT ?", project, limit)
        return [_firing(row) for row in rows]

    def list(self, project: str, *, trigger: str = "", limit: int = 50) -> Sequence[Firing]:
        """Give them newest first, perhaps of one trigger."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = '' OR name = ?) ORDER BY id DESC LIMIT ?",
            project, trigger, trigger, limit,
        )  # fmt: skip
        return [_firing(row) for row in rows]

    def since(self, project: str, trigger: str, time: int) -> int:
        """Count those of a trigger behind a time and up to now. What a clock that was wrong has put later does not count."""
        row = self._rows.one(
            "SELECT COUNT(*) FROM firings WHERE project = ? AND name = ? AND fired_at > ? AND fired_at <= ?",
            project, trigger, time, self._now,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def of_task(self, task: str) -> Firing | None:
        """Give the one that asked for a task."""
        row = self._rows.one(f"{_SELECT} WHERE task = ?", task) if task else None
        return _firing(row) if row else None

    def of_change(self, change: str) -> Firing | None:
        """Give the one that proposed a change."""
        row = self._rows.one(f"{_SELECT} WHERE change = ?", change) if change else None
        return _firing(row) if row else None

    def of_incident(self, incident: str) -> Firing | None:
        """Give the one that opened an incident."""
        row = self._rows.one(f"{_SELECT} WHERE incident = ?", incident) if incident else None
        return _firing(row) if row else None

    def met(self, project: str, trigger: str, cause: str) -> bool:
        """Tell whether a trigger has met a cause."""
        return (
            self._rows.one(
                "SELECT 1 FROM firings WHERE project = ? AND name = ? AND cause = ?", project, trigger, cause
            )
            is not None
        )

    def marks(self, project: str) -> dict[str, Mark]:
        """Give how far each trigger of a project has looked."""
        return {row[0]: Mark(*row) for row in self._rows.all(f"{_MARK} WHERE project = ?", project)}

    def mark(self, project: str, mark: Mark) -> None:
        """Keep how far one has looked; what was held stays while it waits for the same."""
        self._rows.do(
            "INSERT INTO trigger_marks (project, name, declared, position, looked_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (project, name) DO UPDATE SET declared = excluded.declared, position = excluded.position,"
            " looked_at = excluded.looked_at",
            project, mark.trigger, mark.declared, mark.position, mark.looked_at,
        )  # fmt: skip

    def hold(self, project: str, trigger: str, why: str) -> int:
        """Count a cause that is not followed; give how many there are since the trigger last fired."""
        row = self._rows.one(
            "UPDATE trigger_marks SET held = held + 1, held_why = ? WHERE project = ? AND name = ? RETURNING held",
            why, project, trigger,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def forget(self, project: str, triggers: Iterable[str]) -> None:
        """Strike off the marks of triggers that are gone: declared again, they look from then on."""
        for name in triggers:
            self._rows.do("DELETE FROM trigger_marks WHERE project = ? AND name = ?", project, name)


def _firing(row: Row) -> Firing:
    number, project, name, cause, why, state, fired, chain, propose, to, task, run, change, incident, error, ended = row
    return Firing(
        id=number, project=project, trigger=name, cause=cause, why=why, state=state, fired_at=fired, chain=tuple(chain.split()),
        propose=propose, to=to, task=task, run=run, change=change, incident=incident, error=error, ended_at=ended,
    )  # fmt: skip
