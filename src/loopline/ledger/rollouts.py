"""rollouts: how far changes that roll have come (tables rollouts, rollout_weights).

A change rolls once: its row stays when it is over. People and the controller write here at any moment; each says from where it
brings a rollout on, so that of two the second is refused and reads again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loopline.errors import Conflict, NotFound
from loopline.nouns.event import canonical
from loopline.nouns.ids import brief
from loopline.nouns.rolling import Forecast, Judgement, Plan, Rolling, Weighting
from loopline.nouns.rollout import Rollout
from loopline.store.database import Row, Rows

if TYPE_CHECKING:
    from typing import Any

_SELECT = "SELECT change, project, ref, old, new, plan, progress, judged, forecast, looked_at, run FROM rollouts"
_OPEN = "state IN ('waiting', 'rolling', 'paused')"


class Rollouts:
    """The rollouts of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def begin(self, one: Rollout) -> Rollout:
        """Write one down. Raise Conflict kind="rolling" while another rolls on that deployment."""
        if not self._rows.do(
            "INSERT INTO rollouts (change, project, ref, old, new, state, plan, progress) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            one.change, one.project, one.ref, one.old, one.new, one.progress.state, _written(one.plan), _written(one.progress),
        ):  # fmt: skip
            raise Conflict(
                f"another change rolls on {one.ref}", kind="rolling", hint=f"loopline rollouts {one.ref}", ref=one.ref
            )
        return one

    def keep(self, before: Rollout, after: Rollout) -> Rollout:
        """Write down where one stands now. Raise Conflict kind="rollout-moved" where it is not any more where it was seen."""
        if not self._rows.do(
            f"UPDATE rollouts SET state = ?, progress = ?, judged = ?, forecast = ?, looked_at = ?, run = ?"
            f" WHERE change = ? AND progress = ? AND {_OPEN}",
            after.progress.state, _written(after.progress), _written(after.judged) if after.judged else "",
            _written(after.forecast) if after.forecast else "", after.looked_at,
            after.run, before.change, _written(before.progress),
        ):  # fmt: skip
            raise Conflict(
                f"the rollout of change {brief(before.change)} has moved on", kind="rollout-moved",
                hint=f"loopline rollouts {brief(before.change)}", change=before.change,
            )  # fmt: skip
        for number, one in enumerate(after.weights[len(before.weights) :], len(before.weights)):
            self._rows.do(
                "INSERT INTO rollout_weights (change, number, since, weight, step) VALUES (?, ?, ?, ?, ?)",
                after.change, number, one.since, one.weight, one.step,
            )  # fmt: skip
        return after

    def find(self, change: str) -> Rollout | None:
        """Look one up by its change."""
        row = self._rows.one(f"{_SELECT} WHERE change = ?", change)
        return self._rollout(row) if row else None

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
        row = self._rows.one(f"{_SELECT} WHERE project = ? AND ref = ? AND {_OPEN}", project, ref)
        return self._rollout(row) if row else None

    def open(self, project: str = "") -> Sequence[Rollout]:
        """Give those that are not over, of one project or of all, oldest first."""
        rows = self._rows.all(f"{_SELECT} WHERE {_OPEN} AND (? = '' OR project = ?) ORDER BY change", project, project)
        return [self._rollout(row) for row in rows]

    def list(self, project: str, *, ref: str = "", limit: int = 50, after: str = "") -> Sequence[Rollout]:
        """Give them newest first; `after` is the change of one to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = '' OR ref = ?) AND (? = '' OR change < ?) ORDER BY change DESC LIMIT ?",
            project, ref, ref, after, after, limit,
        )  # fmt: skip
        return [self._rollout(row) for row in rows]

    def _rollout(self, row: Row) -> Rollout:
        weights = self._rows.all(
            "SELECT since, weight, step FROM rollout_weights WHERE change = ? ORDER BY number", row[0]
        )
        change, project, ref, old, new, plan, progress, judged, forecast, looked_at, run = row
        return Rollout(
            change, project, ref, old, new, _read(plan, Plan), _read(progress, Rolling),
            tuple(Weighting(*one) for one in weights), _read(judged, Judgement) if judged else None,
            _read(forecast, tuple[Forecast, ...]) if forecast else (), looked_at, run,
        )  # fmt: skip


def _written(value: Plan | Rolling | Judgement | tuple[Forecast, ...]) -> str:
    import msgspec

    return canonical(msgspec.to_builtins(value)).decode()


def _read(text: str, kind: Any) -> Any:
    import msgspec

    return msgspec.json.decode(text.encode(), type=kind)
