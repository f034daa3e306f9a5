"""rollouts: how far changes that roll have come (tables rollouts, rollout_stages).

A change rolls once: its row stays when it is over. People and the controller write here at any moment; each says from where it
brings a rollout on, so that of two the second is refused and reads again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loopline.errors import Conflict, NotFound
from loopline.nouns.ids import brief
from loopline.nouns.rolling import Rollout, Stage
from loopline.store.database import Row, Rows

_COLUMNS = "change, project, ref, old, new, state, plan, shadow, note, judged, looked_at, run"
_SELECT = f"SELECT {_COLUMNS} FROM rollouts"


class Rollouts:
    """The rollouts of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def begin(self, one: Rollout, *, weight: float, clock: int) -> Rollout:
        """Write one down with its first stage. Raise Conflict kind="rolling" while another rolls on that deployment."""
        if not self._rows.do(
            "INSERT INTO rollouts (change, project, ref, old, new, state, plan, shadow) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            one.change, one.project, one.ref, one.old, one.new, one.state, one.plan, int(one.shadow),
        ):  # fmt: skip
            raise Conflict(
                f"another change rolls on {one.ref}", kind="rolling", hint=f"loopline rollouts {one.ref}", ref=one.ref
            )
        return self.advance(one, Stage(0, weight, self._now, clock))

    def advance(self, one: Rollout, stage: Stage) -> Rollout:
        """Put a weight into force."""
        self._rows.do(
            "INSERT INTO rollout_stages (change, number, weight, at, clock) VALUES (?, ?, ?, ?, ?)",
            one.change, stage.number, stage.weight, self._now, stage.clock,
        )  # fmt: skip
        return replace(one, stages=(*one.stages, replace(stage, at=self._now)))

    def find(self, change: str) -> Rollout | None:
        """Look one up by its change."""
        row = self._rows.one(f"{_SELECT} WHERE change = ?", change)
        return self._rolling(row) if row else None

    def get(self, change: str) -> Rollout:
        """Look one up by its change. Raise NotFound."""
        found = self.find(change)
        if found is None:
            raise NotFound(
                f"change {brief(change)} does not roll", kind="no-rollout", hint="loopline rollouts", change=change
            )
        return found

    def of(self, project: str, ref: str) -> Rollout | None:
        """Give the one that rolls on a deployment now."""
        row = self._rows.one(
            f"{_SELECT} WHERE project = ? AND ref = ? AND state IN ('rolling', 'paused')", project, ref
        )
        return self._rolling(row) if row else None

    def open(self, project: str = "") -> Sequence[Rollout]:
        """Give those that are not over, of one project or of all, oldest first."""
        rows = self._rows.all(
            f"{_SELECT} WHERE state IN ('rolling', 'paused') AND (? = '' OR project = ?) ORDER BY change",
            project, project,
        )  # fmt: skip
        return [self._rolling(row) for row in rows]

    def list(self, project: str, *, ref: str = "", limit: int = 50, after: str = "") -> Sequence[Rollout]:
        """Give them newest first; `after` is the change of one to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = '' OR ref = ?) AND (? = '' OR change < ?) ORDER BY change DESC LIMIT ?",
            project, ref, ref, after, after, limit,
        )  # fmt: skip
        return [self._rolling(row) for row in rows]

    def keep(self, before: Rollout, after: Rollout) -> Rollout:
        """Write down where one stands now. Raise Conflict where it does not stand any more where it was seen."""
        if not self._rows.do(
            "UPDATE rollouts SET state = ?, note = ?, judged = ?, looked_at = ?, run = ? WHERE change = ? AND state = ?"
            " AND state IN ('rolling', 'paused') AND (SELECT COUNT(*) FROM rollout_stages s WHERE s.change = rollouts.change) = ?",
            after.state, after.note, after.judged, after.looked_at, after.run, before.change, before.state, len(before.stages),
        ):  # fmt: skip
            raise Conflict(
                f"the rollout of change {brief(before.change)} has moved on", kind="rollout-moved",
                hint=f"loopline rollouts {brief(before.change)}", change=before.change,
            )  # fmt: skip
        return after

    def _rolling(self, row: Row) -> Rollout:
        stages = tuple(
            Stage(*found)
            for found in self._rows.all(
                "SELECT number, weight, at, clock FROM rollout_stages WHERE change = ? ORDER BY number", row[0]
            )
        )
        change, project, ref, old, new, state, plan, shadow, *rest = row
        return Rollout(change, project, ref, old, new, state, plan, bool(shadow), stages, *rest)
