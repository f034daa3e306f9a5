"""letters: events as people read them in an e-mail: what, where, since when, under which change, and where to look.

One event is a letter of its own; several are one that lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from loopline.errors import LooplineError
from loopline.faces.web.happened import told
from loopline.nouns.digest import digest_of
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.alert import Alert
    from loopline.nouns.event import Event
    from loopline.server.mailing import Post

LISTED: Final = 50
"""Events that a letter about several lists; of the others it tells how many there are."""
_WIDEST: Final = 150
"""Characters of a subject."""


def letter(tx: Tables, post: Post, to: str, events: Sequence[Event]) -> EmailMessage:
    """Write one e-mail about one event or several of one project, oldest first. The same events give the same Message-ID."""
    writing = _Writing(tx, post, events[0].project)
    subject, lines = writing.one(events[0]) if len(events) == 1 else writing.several(events)
    domain = post.smtp.sender.rpartition("@")[2]
    number = events[0].hash if len(events) == 1 else digest_of((events[0].hash + events[-1].hash).encode())
    made = EmailMessage()
    made["From"] = Address("Loopline", addr_spec=post.smtp.sender)
    made["To"] = Address(addr_spec=to)
    made["Subject"] = _line(f"[{events[0].project}] {subject}")[:_WIDEST]
    made["Date"] = format_datetime(_moment(tx.now))
    made["Message-ID"] = f"<evt_{number.removeprefix('sha256:')[:32]}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply comes back
    made.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return made


class _Writing:
    def __init__(self, tx: Tables, post: Post, project: str) -> None:
        self._tx, self._post, self._project = tx, post, project
        self._zone = UTC if post.timezone == "UTC" else ZoneInfo(post.timezone)

    def one(self, event: Event) -> tuple[str, list[str]]:
        """Give subject and lines about one event."""
        alert = self._alert(event)
        if alert is None:
            title = self._title(event)
            facts = [("When", self._time(event.recorded_at)), ("Who", event.actor), *self._links(event)]
            return title, [title, "", *_facts(facts)]
        title = self._title(event)
        facts = [
            ("What", f"{alert.kind}, severity {alert.severity}"),
            ("Where", f"{alert.service}, monitor {alert.monitor}"),
            ("Since", f"{self._time(alert.event_time)}; the alert was opened at {self._time(alert.opened_at)}"),
            ("Until", self._time(alert.resolved_at) if alert.resolved_at else ""),
            ("Seen by", alert.acknowledged_by),
            ("In force", self._in_force(alert)),
            *self._links(event),
            ("Answer", f"loopline acknowledge {brief(alert.id)}" if alert.resolved_at is None else ""),
        ]
        return title, [_line(alert.summary), "", *_facts(facts)]

    def several(self, events: Sequence[Event]) -> tuple[str, list[str]]:
        """Give subject and lines about several events: how many of each kind, and each of the first in a line."""
        counts = Counter(one.kind for one in events)
        summed = ", ".join(f"{number} × {kind}" for kind, number in counts.most_common(5))
        lines = [f"{len(events)} events since {self._time(events[0].recorded_at)}: {summed}", ""]
        lines += [f"- {self._time(one.recorded_at)}  {self._title(one)}" for one in events[:LISTED]]
        if len(events) > LISTED:
            lines.append(f"… and {len(events) - LISTED} more")
        if self._post.address:
            lines += ["", f"Look:  {self._post.address}/p/{self._project}/feed"]
        return f"{len(events)} events: {summed}", lines

    def _title(self, event: Event) -> str:
        alert = self._alert(event)
        if alert is not None:
            state = {"alert.opened": alert.severity, "alert.resolved": "over"}.get(event.kind, "seen")
            return _line(f"{state}: {alert.service}/{alert.monitor}: {alert.summary}")
        (one,) = told(self._tx, self._project, [event])
        name = one.name or (brief(event.subject) if len(event.subject) == 32 else event.subject)
        said = f": {one.said}" if one.said else ""
        return _line(f"{event.actor} {one.words} {name}{said}{f' ({one.state})' if one.state else ''}")

    def _alert(self, event: Event) -> Alert | None:
        if not event.kind.startswith("alert.") or event.kind == "alert.unchanged":
            return None
        try:
            return self._tx.alerts.get(self._project, event.subject)
        except LooplineError:
            return None

    def _in_force(self, alert: Alert) -> str:
        change = self._tx.changes.find(alert.change) if alert.change else None
        if change is None:
            return ""
        moves = ", ".join(str(move) for move in change.moves)
        since = f" since {self._time(change.closed_at)}" if change.closed_at else ""
        return f"change {brief(change.id)} of {change.author}{since}: {_line(change.reason)} ({moves})"

    def _links(self, event: Event) -> list[tuple[str, str]]:
        """Give where to look: the thing itself where it has a page, else the feed around it."""
        if not self._post.address:
            return []
        base, alert, told_of = f"{self._post.address}/p/{self._project}", self._alert(event), event.payload or {}
        change, run = str(told_of.get("change") or ""), str(told_of.get("run") or "")
        if event.kind.startswith(("change.", "check", "comment.")) and len(event.subject) == 32:
            return [("Look", f"{base}/changes/{event.subject}")]
        if event.kind.startswith(("run.", "steps.")) and len(event.subject) == 32:
            return [("Look", f"{base}/runs/{event.subject}")]
        if alert is not None:
            change = alert.change
        found = [("Change", f"{base}/changes/{change}")] if len(change) == 32 else []
        found += [("Run", f"{base}/runs/{run}")] if len(run) == 32 else []
        return [("Look", f"{base}/feed"), *found]

    def _time(self, micros: int) -> str:
        return f"{_moment(micros).astimezone(self._zone):%Y-%m-%d %H:%M %Z}"


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _facts(pairs: Sequence[tuple[str, Any]]) -> list[str]:
    return [f"{name + ':':<9} {text}" for name, text in pairs if text]


def _line(text: str) -> str:
    """Make one line of a text that people wrote: no control characters, so that it stays in its header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
