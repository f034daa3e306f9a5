"""subscriptions: who is told of events, and how that goes (tables subscriptions, deliveries).

A position moves forward by compare-and-swap: of two who tell the same events only one gets on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from loopline.errors import Conflict, NotFound
from loopline.nouns.subscription import Delivery, Subscription
from loopline.store.database import Row, Rows

_COLUMNS = (
    "s.id, s.project, s.name, s.url, s.format, s.kinds, s.secret, s.created_by, s.created_at, s.paused_at, s.position,"
    " s.failures, s.next_at, s.error, s.delivered_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM subscriptions s"
_DELIVERY = "d.id, s.name, d.seq, d.at, d.attempt, d.status, d.error, d.state"


class Backlog(NamedTuple):
    """How the subscriptions of every project do, put together."""

    subscriptions: int
    paused: int
    failing: int
    """Whose last try did not arrive."""
    lag: int
    """Events that the one which is furthest behind has not seen; those that are paused do not count."""
    dead: int
    """Events that were given up."""


class Subscriptions:
    """The subscriptions of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, one: Subscription) -> Subscription:
        """Write one down. Raise Conflict where the project has one of that name."""
        if self.find(one.project, one.name):
            raise _exists(one.name)
        self._rows.do(
            "INSERT INTO subscriptions (id, project, name, url, format, kinds, secret, created_by, created_at, position)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            one.id, one.project, one.name, one.url, one.format, " ".join(one.kinds), one.secret, one.created_by, self._now,
            one.position,
        )  # fmt: skip
        return replace(one, created_at=self._now)

    def change(self, one: Subscription, *, name: str, url: str, kinds: Sequence[str], secret: str) -> Subscription:
        """Have it called otherwise, or told elsewhere or of other kinds. Raise Conflict where the name is taken."""
        taken = self.find(one.project, name)
        if taken is not None and taken.id != one.id:
            raise _exists(name)
        self._rows.do(
            "UPDATE subscriptions SET name = ?, url = ?, kinds = ?, secret = ? WHERE id = ? AND deleted_at IS NULL",
            name, url, " ".join(kinds), secret, one.id,
        )  # fmt: skip
        return replace(one, name=name, url=url, kinds=tuple(kinds), secret=secret)

    def find(self, project: str, name: str) -> Subscription | None:
        """Look one up by its name."""
        row = self._rows.one(f"{_SELECT} WHERE s.project = ? AND s.name = ? AND s.deleted_at IS NULL", project, name)
        return _subscription(row) if row else None

    def get(self, project: str, name: str) -> Subscription:
        """Look one up by its name. Raise NotFound."""
        found = self.find(project, name)
        if found is None:
            raise NotFound(
                f"there is no subscription {name}",
                kind="no-subscription",
                hint="loopline find subscriptions",
                name=name,
            )
        return found

    def by_id(self, number: str) -> Subscription | None:
        """Look one up by its id; None where it is gone."""
        row = self._rows.one(f"{_SELECT} WHERE s.id = ? AND s.deleted_at IS NULL", number)
        return _subscription(row) if row else None

    def list(
        self, project: str, *, open_only: bool = False, limit: int = 100, after: str | None = None, form: str = ""
    ) -> Sequence[Subscription]:
        """Give them newest first with lag and dead events; `open_only`: those not paused; `after` an id to go on from.

        `form` is the format of those that are wanted, where not all are.
        """
        rows = self._rows.all(
            f"SELECT {_COLUMNS}, COALESCE(h.seq, 0) - s.position,"
            " (SELECT COUNT(*) FROM deliveries d WHERE d.subscription = s.id AND d.state IN ('dead', 'again'))"
            " FROM subscriptions s LEFT JOIN heads h ON h.project = s.project"
            " WHERE s.project = ? AND s.deleted_at IS NULL AND (? = 0 OR s.paused_at IS NULL) AND (? = '' OR s.id < ?)"
            " AND (? = '' OR s.format = ?) ORDER BY s.id DESC LIMIT ?",
            project, int(open_only), after or "", after or "", form, form, limit,
        )  # fmt: skip
        return [replace(_subscription(row[:15]), lag=max(0, row[15]), dead=row[16]) for row in rows]

    def due(self) -> Sequence[Subscription]:
        """Give those of every project that have something to be told by now, the one that waits longest first."""
        rows = self._rows.all(
            f"{_SELECT} JOIN heads h ON h.project = s.project WHERE s.deleted_at IS NULL AND s.paused_at IS NULL"
            " AND s.next_at <= ? AND (h.seq > s.position OR EXISTS"
            " (SELECT 1 FROM deliveries d WHERE d.subscription = s.id AND d.state = 'again')) ORDER BY s.next_at, s.id",
            self._now,
        )  # fmt: skip
        return [_subscription(row) for row in rows]

    def next_at(self) -> int | None:
        """Tell when the next try of any that failed is due; None where nothing waits."""
        row = self._rows.one(
            "SELECT MIN(next_at) FROM subscriptions WHERE deleted_at IS NULL AND paused_at IS NULL AND next_at > ?",
            self._now,
        )
        return row[0] if row else None

    def backlog(self) -> Backlog:
        """Tell how far the subscriptions of every project are behind, and what could not be told."""
        rows = self._rows.all(
            "SELECT s.paused_at, s.failures, COALESCE(h.seq, 0) - s.position, (SELECT COUNT(*) FROM deliveries d"
            " WHERE d.subscription = s.id AND d.state IN ('dead', 'again'))"
            " FROM subscriptions s LEFT JOIN heads h ON h.project = s.project WHERE s.deleted_at IS NULL"
        )
        running = [row for row in rows if row[0] is None]
        return Backlog(
            subscriptions=len(rows), paused=len(rows) - len(running), failing=sum(row[1] > 0 for row in running),
            lag=max((row[2] for row in running), default=0), dead=sum(row[3] for row in rows),
        )  # fmt: skip

    def remove(self, one: Subscription) -> None:
        """Mark it deleted. What was tried stays."""
        self._rows.do("UPDATE subscriptions SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", self._now, one.id)

    def advance(self, one: Subscription, position: int, *, status: int | None = None) -> Subscription:
        """Say that events up to `position` are done; with `status` the last of them arrived, and that is kept as a delivery.

        Raise Conflict where somebody else got on meanwhile.
        """
        arrived = self._now if status is not None else one.delivered_at
        self._move(one, "position = ?, failures = 0, next_at = 0, error = '', delivered_at = ?", position, arrived)
        if status is not None:
            self._keep(one, position, "delivered", attempt=one.failures + 1, status=status)
        return replace(one, position=position, failures=0, next_at=0, error="", delivered_at=arrived)

    def fail(self, one: Subscription, seq: int, *, status: int, error: str, next_at: int) -> Subscription:
        """Keep a try that failed, and when the next one is due. Raise Conflict where somebody else got on meanwhile."""
        self._move(one, "failures = ?, next_at = ?, error = ?", one.failures + 1, next_at, error)
        self._keep(one, seq, "failed", attempt=one.failures + 1, status=status, error=error)
        return replace(one, failures=one.failures + 1, next_at=next_at, error=error)

    def tried(self, one: Subscription) -> int:
        """Give the number of the last event of which the newest failed try told; 0 where there is none behind its position."""
        row = self._rows.one(
            "SELECT seq FROM deliveries WHERE subscription = ? AND state = 'failed' AND seq > ? ORDER BY id DESC LIMIT 1",
            one.id, one.position,
        )  # fmt: skip
        return row[0] if row else 0

    def wait(self, one: Subscription, next_at: int) -> Subscription:
        """Tell it nothing before a time; that is no failure. Raise Conflict where somebody else got on meanwhile."""
        self._move(one, "next_at = ?", next_at)
        return replace(one, next_at=next_at)

    def give_up(self, one: Subscription, seq: int, *, status: int, error: str) -> Subscription:
        """Keep an event as dead and go on behind it. Raise Conflict where somebody else got on meanwhile."""
        self._move(one, "position = ?, failures = 0, next_at = 0, error = ?", seq, error)
        self._keep(one, seq, "dead", attempt=one.failures + 1, status=status, error=error)
        return replace(one, position=seq, failures=0, next_at=0, error=error)

    def pause(self, one: Subscription, why: str) -> None:
        """Tell it nothing more until somebody resumes it."""
        self._rows.do(
            "UPDATE subscriptions SET paused_at = COALESCE(paused_at, ?), error = ? WHERE id = ?",
            self._now,
            why,
            one.id,
        )

    def resume(self, one: Subscription) -> bool:
        """Tell it events again, at once; False where it was not paused."""
        paused = self._rows.do(
            "UPDATE subscriptions SET paused_at = NULL, failures = 0, error = '' WHERE id = ? AND paused_at IS NOT NULL",
            one.id,
        )
        self._rows.do("UPDATE subscriptions SET next_at = 0 WHERE id = ?", one.id)
        return bool(paused)

    def again(self, one: Subscription, seq: int | None = None) -> int:
        """Ask for another try of one dead event, or of all; give how many there are."""
        return self._rows.do(
            "UPDATE deliveries SET state = 'again' WHERE subscription = ? AND state = 'dead' AND (? = 0 OR seq = ?)",
            one.id, seq or 0, seq or 0,
        )  # fmt: skip

    def asked(self, one: Subscription) -> Delivery | None:
        """Give the oldest dead event for which somebody asked for another try."""
        row = self._rows.one(
            f"SELECT {_DELIVERY} FROM deliveries d JOIN subscriptions s ON s.id = d.subscription"
            " WHERE d.subscription = ? AND d.state = 'again' ORDER BY d.seq LIMIT 1",
            one.id,
        )
        return Delivery(*row) if row else None

    def answer(self, one: Subscription, asked: Delivery, *, status: int, error: str = "") -> None:
        """Say how that other try went: it arrived, or the event is dead again."""
        good = not error
        changed = self._rows.do(
            "UPDATE deliveries SET state = ?, attempt = ?, status = ?, error = ?, at = ? WHERE id = ? AND state = 'again'",
            "redelivered" if good else "dead", asked.attempt + 1, status, error, self._now, asked.id,
        )  # fmt: skip
        if not changed:
            raise _overtaken(one)
        if good:
            self._rows.do("UPDATE subscriptions SET delivered_at = ? WHERE id = ?", self._now, one.id)

    def deliveries(
        self, project: str, *, open_only: bool = False, limit: int = 100, after: int | None = None
    ) -> Sequence[Delivery]:
        """Give the tries newest first; `open_only`: dead ones and those that are tried again; `after` an id to go on from."""
        rows = self._rows.all(
            f"SELECT {_DELIVERY} FROM deliveries d JOIN subscriptions s ON s.id = d.subscription WHERE s.project = ?"
            " AND s.deleted_at IS NULL AND (? = 0 OR d.state IN ('dead', 'again')) AND (? = 0 OR d.id < ?)"
            " ORDER BY d.id DESC LIMIT ?",
            project, int(open_only), after or 0, after or 0, limit,
        )  # fmt: skip
        return [Delivery(*row) for row in rows]

    def sweep(self, before: int) -> int:
        """Forget tries from before a time, but none that is dead; give how many."""
        return self._rows.do("DELETE FROM deliveries WHERE at < ? AND state NOT IN ('dead', 'again')", before)

    def _move(self, one: Subscription, what: str, *values: object) -> None:
        if not self._rows.do(
            f"UPDATE subscriptions SET {what} WHERE id = ? AND position = ? AND failures = ? AND deleted_at IS NULL",
            *values, one.id, one.position, one.failures,
        ):  # fmt: skip
            raise _overtaken(one)

    def _keep(self, one: Subscription, seq: int, state: str, *, attempt: int, status: int, error: str = "") -> None:
        self._rows.do(
            "INSERT INTO deliveries (subscription, seq, at, attempt, status, error, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
            one.id, seq, self._now, attempt, status, error, state,
        )  # fmt: skip


def _exists(name: str) -> Conflict:
    return Conflict(
        f"there is a subscription {name} already", kind="subscription-exists",
        hint=f"loopline unsubscribe {name}, or choose another --name", name=name,
    )  # fmt: skip


def _overtaken(one: Subscription) -> Conflict:
    return Conflict(
        f"{one.name} has moved", kind="subscription-moved", hint="read it again", name=one.name, expected=one.position
    )


def _subscription(row: Row) -> Subscription:
    number, project, name, url, form, kinds, secret, by, at, paused, position, failures, next_at, error, arrived = row
    return Subscription(
        id=number, project=project, name=name, url=url, format=form, kinds=tuple(kinds.split()), secret=secret, created_by=by,
        created_at=at, paused_at=paused, position=position, failures=failures, next_at=next_at, error=error, delivered_at=arrived,
    )  # fmt: skip
