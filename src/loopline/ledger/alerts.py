"""alerts: what monitors saw, who knows, and whom not to notify (tables alerts, silences).

A monitor of a service has at most one alert that is open; the database holds it to that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.alert import Alert, Silence
from loopline.nouns.event import canonical
from loopline.store.database import Row, Rows

LEAST: Final = 4
"""Digits of an id that name an alert."""
_COLUMNS = (
    "id, project, service, monitor, kind, severity, summary, opened_at, event_time, change, facts, updated_at, resolved_at,"
    " acknowledged_by, acknowledged_at, silenced"
)
_SELECT = f"SELECT {_COLUMNS} FROM alerts"
_SILENCE = "SELECT id, project, pattern, ends_at, why, created_by, created_at FROM silences"


class Alerts:
    """The alerts and silences of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def open(self, alert: Alert) -> Alert:
        """Write one down, as silenced where a silence speaks of it now. Raise Conflict where its monitor has an open one."""
        if self.standing(alert.project, alert.service, alert.monitor) is not None:
            raise Conflict(
                f"{alert.monitor} of {alert.service} has an open alert", kind="alert-open", hint="loopline alerts --open",
                service=alert.service, monitor=alert.monitor,
            )  # fmt: skip
        silent = self.silence_of(alert.project, alert.service, alert.monitor) is not None
        self._rows.do(
            f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '', NULL, ?)",
            alert.id, alert.project, alert.service, alert.monitor, alert.kind, alert.severity, alert.summary, self._now,
            alert.event_time, alert.change, _text(alert.facts), self._now, int(silent),
        )  # fmt: skip
        return replace(alert, opened_at=self._now, updated_at=self._now, silenced=silent)

    def standing(self, project: str, service: str, monitor: str) -> Alert | None:
        """Give the open alert of a monitor."""
        row = self._rows.one(
            f"{_SELECT} WHERE project = ? AND service = ? AND monitor = ? AND resolved_at IS NULL",
            project, service, monitor,
        )  # fmt: skip
        return _alert(row) if row else None

    def get(self, project: str, prefix: str) -> Alert:
        """Find one by the first digits of its id (4 or more). Raise NotFound, Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows = self._rows.all(f"{_SELECT} WHERE project = ? AND id >= ? AND id < ? LIMIT 2", project, low, high)
        if len(rows) > 1:
            raise Conflict(
                f"several alerts begin with {prefix}", kind="ambiguous-alert", hint="write more digits", prefix=prefix
            )
        if not rows:
            raise NotFound(f"there is no alert {prefix}", kind="no-alert", hint="loopline alerts", alert=prefix)
        return _alert(rows[0])

    def list(
        self, project: str, *, service: str = "", open_only: bool = False, limit: int = 50, after: str = ""
    ) -> Sequence[Alert]:
        """Give them newest first, perhaps of one service; `after` is an id to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = '' OR service = ?) AND (? = 0 OR resolved_at IS NULL)"
            " AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
            project, service, service, int(open_only), after, after, limit,
        )  # fmt: skip
        return [_alert(row) for row in rows]

    def about(self, change: str) -> Sequence[Alert]:
        """Give those that were opened while a change was in force, oldest first."""
        return [_alert(row) for row in self._rows.all(f"{_SELECT} WHERE change = ? ORDER BY id", change)]

    def update(self, alert: Alert, *, summary: str, facts: Mapping[str, Any]) -> Alert:
        """Say what is measured now. One that is over stays as it is."""
        self._rows.do(
            "UPDATE alerts SET summary = ?, facts = ?, updated_at = ? WHERE id = ? AND resolved_at IS NULL",
            summary, _text(facts), self._now, alert.id,
        )  # fmt: skip
        return self.get(alert.project, alert.id)

    def resolve(self, alert: Alert) -> Alert:
        """End it as of now; ending twice keeps the first time."""
        self._rows.do(
            "UPDATE alerts SET resolved_at = ?, updated_at = ? WHERE id = ? AND resolved_at IS NULL",
            self._now, self._now, alert.id,
        )  # fmt: skip
        return self.get(alert.project, alert.id)

    def counts(self) -> dict[str, int]:
        """Count the open alerts of every project by severity."""
        rows = self._rows.all("SELECT severity, COUNT(*) FROM alerts WHERE resolved_at IS NULL GROUP BY severity")
        return {row[0]: row[1] for row in rows}

    def acknowledge(self, alert: Alert, by: str) -> Alert:
        """Keep who has seen it; whoever was first stays."""
        self._rows.do(
            "UPDATE alerts SET acknowledged_by = ?, acknowledged_at = ? WHERE id = ? AND acknowledged_at IS NULL",
            by, self._now, alert.id,
        )  # fmt: skip
        return self.get(alert.project, alert.id)

    def silence(self, one: Silence) -> Silence:
        """Write a silence down. Alerts that are open already and that it speaks of are silenced too."""
        self._rows.do(
            "INSERT INTO silences (id, project, pattern, ends_at, why, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            one.id, one.project, one.match, one.until, one.why, one.by, self._now,
        )  # fmt: skip
        if one.until > self._now:
            for alert in self.list(one.project, open_only=True, limit=1_000):
                if speaks_of(one, alert.service, alert.monitor):
                    self._rows.do("UPDATE alerts SET silenced = 1 WHERE id = ?", alert.id)
        return replace(one, created_at=self._now)

    def unsilence(self, project: str, match: str) -> int:
        """End the silences that were made for exactly this glob; give how many there were."""
        return self._rows.do(
            "UPDATE silences SET ends_at = ? WHERE project = ? AND pattern = ? AND ends_at > ?",
            self._now, project, match, self._now,
        )  # fmt: skip

    def silences(self, project: str) -> Sequence[Silence]:
        """Give those that hold now, the one that ends first first."""
        rows = self._rows.all(f"{_SILENCE} WHERE project = ? AND ends_at > ? ORDER BY ends_at, id", project, self._now)
        return [Silence(*row) for row in rows]

    def silence_of(self, project: str, service: str, monitor: str) -> Silence | None:
        """Give a silence that speaks of a monitor now."""
        return next((one for one in self.silences(project) if speaks_of(one, service, monitor)), None)


def speaks_of(silence: Silence, service: str, monitor: str) -> bool:
    """Tell whether a silence is about a monitor: its glob is over `service/NAME@REF/MONITOR`, or over the service alone."""
    return fnmatchcase(f"{service}/{monitor}", silence.match) or fnmatchcase(service, silence.match)


def _text(facts: Mapping[str, Any]) -> str:
    return canonical(dict(facts)).decode()


def _alert(row: Row) -> Alert:
    facts, updated, resolved, by, acknowledged, silenced = row[10:]
    alert = Alert(*row[:10])
    return replace(
        alert, facts=json.loads(facts), updated_at=updated, resolved_at=resolved, acknowledged_by=by,
        acknowledged_at=acknowledged, silenced=bool(silenced),
    )  # fmt: skip
