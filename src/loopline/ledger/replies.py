"""replies: answers that were given, so that a request may be sent again (table replies).

A reply commits with the effect that it tells of (decision 0006): it is kept inside the transaction that did the work. Who claims
a key first does the work; whoever comes with the same key meanwhile waits for that transaction, and gets its reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loopline.errors import Conflict
from loopline.store.database import Rows

LASTING: Final = 24 * 3600 * 1_000_000
"""Microseconds for which a reply is kept."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it was given."""

    status: int
    body: str


class Replies:
    """The replies of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def claim(self, project: str, actor: str, key: str, *, request: str) -> Reply | None:
        """Take a key for a request (a digest of it), or give the reply that it got before. Inside a write transaction.

        Raise Conflict where the key was used for another request.
        """
        fresh = self._rows.do(
            "INSERT INTO replies (project, actor, key, request, status, body, at) VALUES (?, ?, ?, ?, 0, '', ?)"
            " ON CONFLICT (project, actor, key) DO NOTHING",
            project, actor, key, request, self._now,
        )  # fmt: skip
        if fresh:
            return None
        row = self._rows.one(
            "SELECT request, status, body FROM replies WHERE project = ? AND actor = ? AND key = ?", project, actor, key
        )
        if row is None or row[0] != request:
            raise Conflict(
                "this Idempotency-Key was used for another request", kind="idempotency-key-reused",
                hint="make a new key for each request, and keep it for its retries", key=key,
            )  # fmt: skip
        return Reply(row[1], row[2])

    def keep(self, project: str, actor: str, key: str, reply: Reply) -> None:
        """Write down what a claimed key was answered."""
        self._rows.do(
            "UPDATE replies SET status = ?, body = ? WHERE project = ? AND actor = ? AND key = ?",
            reply.status, reply.body, project, actor, key,
        )  # fmt: skip

    def sweep(self, *, lasting: int = LASTING, limit: int = 10_000) -> int:
        """Forget replies older than `lasting`, up to `limit` of them, and say how many went."""
        return self._rows.do(
            "DELETE FROM replies WHERE (project, actor, key) IN"
            " (SELECT project, actor, key FROM replies WHERE at < ? ORDER BY at LIMIT ?)",
            self._now - lasting, limit,
        )  # fmt: skip
