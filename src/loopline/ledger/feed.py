"""feed: the append-only, hash-chained log (tables heads, events)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from loopline.errors import NotFound
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.event import GENESIS, Event, canonical, hash_of
from loopline.store.database import Row, Rows

_COLUMNS = (
    "project, seq, recorded_at, event_time, actor, kind, subject, schema, payload_digest, previous, hash, payload"
)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a project's chain."""

    project: str
    seq: int
    hash: Digest


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold."""

    seq: int
    what: str


class Feed:
    """The events of every project."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def lock(self, project: str) -> Head:
        """Queue behind the other writers of this project and give the end of its chain."""
        suffix = "" if self._rows.dialect == "sqlite" else " FOR UPDATE"
        row = self._rows.one(f"SELECT seq, hash FROM heads WHERE project = ?{suffix}", project)
        if row is None:
            self._rows.do(
                "INSERT INTO heads (project, seq, hash) VALUES (?, 0, ?) ON CONFLICT (project) DO NOTHING",
                project,
                GENESIS,
            )
            row = self._rows.one(f"SELECT seq, hash FROM heads WHERE project = ?{suffix}", project)
        if row is None:
            raise NotFound("the head of the feed is gone", kind="feed-lost", hint="restore a backup", project=project)
        return Head(project, row[0], row[1])

    def append(self, head: Head, event: Event, payload: dict[str, Any]) -> None:
        """Chain `event` behind `head`."""
        body = canonical(payload)
        event = replace(event, seq=head.seq + 1, previous=head.hash, payload_digest=digest_of(body))
        hashed = hash_of(event)
        self._rows.do(
            f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            event.project, event.seq, event.recorded_at, event.event_time, event.actor, event.kind, event.subject,
            event.schema, event.payload_digest, event.previous, hashed, body.decode(),
        )  # fmt: skip
        self._rows.do("UPDATE heads SET seq = ?, hash = ? WHERE project = ?", event.seq, hashed, event.project)

    def head(self, project: str) -> Head:
        """Give the end of the chain; seq 0 where nothing has happened yet."""
        row = self._rows.one("SELECT seq, hash FROM heads WHERE project = ?", project)
        return Head(project, row[0], row[1]) if row else Head(project, 0, GENESIS)

    def events(self) -> int:
        """Count the events of every project."""
        row = self._rows.one("SELECT SUM(seq) FROM heads")
        return int(row[0] or 0) if row else 0

    def list(self, project: str, *, after: int = 0, subject: str = "", limit: int = 100) -> Sequence[Event]:
        """Give up to `limit` events behind number `after`, oldest first, of one subject if it is named."""
        if subject:
            rows = self._rows.all(
                f"SELECT {_COLUMNS} FROM events WHERE project = ? AND subject = ? AND seq > ? ORDER BY seq LIMIT ?",
                project, subject, after, limit,
            )  # fmt: skip
        else:
            rows = self._rows.all(
                f"SELECT {_COLUMNS} FROM events WHERE project = ? AND seq > ? ORDER BY seq LIMIT ?",
                project,
                after,
                limit,
            )
        return [_event(row) for row in rows]

    def search(
        self,
        project: str,
        *,
        after: int | None = None,
        before: int | None = None,
        kind: str = "",
        subject: str = "",
        actor: str = "",
        limit: int = 100,
    ) -> Sequence[Event]:
        """Give up to `limit` events newest first, or behind number `after` oldest first.

        `kind` may hold `*` for any characters. What is left empty is not asked.
        """
        where, values = ["project = ?"], list[str | int]([project])
        for column, wanted in (("subject", subject), ("actor", actor)):
            if wanted:
                where.append(f"{column} = ?")
                values.append(wanted)
        for sign, number in ((">", after), ("<", before)):
            if number is not None:
                where.append(f"seq {sign} ?")
                values.append(number)
        order = "seq" if after is not None else "seq DESC"
        select = f"SELECT {_COLUMNS} FROM events WHERE {' AND '.join(where)}"
        if not kind:
            rows = self._rows.all(f"{select} ORDER BY {order} LIMIT ?", *values, limit)
        else:  # each kind by its index: what is rare is not looked for among all that is not
            kinds = [one for one in self._kinds(project) if fnmatchcase(one, kind)] if "*" in kind else [kind]
            found = [
                row
                for one in kinds
                for row in self._rows.all(f"{select} AND kind = ? ORDER BY {order} LIMIT ?", *values, one, limit)
            ]
            rows = sorted(found, key=lambda row: row[1], reverse=after is None)[:limit]
        return [_event(row) for row in rows]

    def _kinds(self, project: str) -> Sequence[str]:
        """Give the kinds of events that there are, each by one step through the index."""
        rows = self._rows.all(
            "WITH RECURSIVE k(kind) AS (SELECT MIN(kind) FROM events WHERE project = ? UNION ALL SELECT"
            " (SELECT MIN(e.kind) FROM events e WHERE e.project = ? AND e.kind > k.kind) FROM k WHERE k.kind IS NOT NULL)"
            " SELECT kind FROM k WHERE kind IS NOT NULL",
            project, project,
        )  # fmt: skip
        return [row[0] for row in rows]

    def came(self, project: str, kind: str, *, after: int, until: int) -> bool:
        """Tell whether an event of a kind (a glob) was written behind one time and up to another."""
        kinds = [one for one in self._kinds(project) if fnmatchcase(one, kind)]
        return any(
            self._rows.one(
                "SELECT 1 FROM events WHERE project = ? AND kind = ? AND recorded_at > ? AND recorded_at <= ? LIMIT 1",
                project, one, after, until,
            )
            for one in kinds
        )  # fmt: skip

    def iter(self, project: str, *, after: int = 0) -> Iterator[Event]:
        """Give every event behind number `after`, oldest first, a page at a time."""
        while page := self.list(project, after=after, limit=1000):
            yield from page
            after = page[-1].seq

    def erase(self, project: str, seq: int) -> None:
        """Remove an event's payload for good (a legal duty). The chain stays valid: it holds over payload digests."""
        if not self._rows.do("UPDATE events SET payload = NULL WHERE project = ? AND seq = ?", project, seq):
            raise NotFound(
                f"there is no event {seq}", kind="no-event", hint="loopline history", project=project, seq=seq
            )

    def verify(self, project: str) -> Broken | None:
        """Walk the chain and give the first place where it does not hold, or None."""
        expected, previous = 1, GENESIS
        for event in self.iter(project):
            if event.seq != expected:
                return Broken(expected, "an event is missing")
            if event.previous != previous or hash_of(event) != event.hash:
                return Broken(event.seq, "the chain is broken: an envelope was changed")
            if event.payload is not None and digest_of(canonical(event.payload)) != event.payload_digest:
                return Broken(event.seq, "a payload was changed")
            expected, previous = expected + 1, event.hash
        head = self.head(project)
        if (head.seq, head.hash) != (expected - 1, previous):
            return Broken(expected, "events are missing at the end")
        return None


def _event(row: Row) -> Event:
    payload = None if row[11] is None else json.loads(row[11])
    return replace(Event(*row[:11]), payload=payload)
