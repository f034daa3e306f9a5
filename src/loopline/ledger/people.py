"""people: whom logins have brought, and who is shut out (table people)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from loopline.nouns.person import Person
from loopline.store.database import Rows

_SELECT: Final = "SELECT actor, title, email, issuer, subject, created_at, seen_at, disabled_at FROM people WHERE "


class People:
    """Every person of the server."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def find(self, actor: str) -> Person | None:
        """Look somebody up by the name that the feed knows."""
        row = self._rows.one(f"{_SELECT} actor = ?", actor)
        return Person(*row) if row else None

    def by_subject(self, issuer: str, subject: str) -> Person | None:
        """Look somebody up as a provider names them."""
        row = self._rows.one(f"{_SELECT} issuer = ? AND subject = ?", issuer, subject)
        return Person(*row) if row else None

    def see(self, person: Person) -> Person:
        """Write somebody down, or what a new login says of them. Whoever is disabled stays so.

        Who was there without a login before belongs to the first one, and to no other from then on.
        """
        self._rows.do(
            "INSERT INTO people (actor, issuer, subject, email, title, created_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (actor) DO UPDATE SET email = excluded.email, title = excluded.title, seen_at = excluded.seen_at,"
            " issuer = CASE WHEN people.subject = '' THEN excluded.issuer ELSE people.issuer END,"
            " subject = CASE WHEN people.subject = '' THEN excluded.subject ELSE people.subject END",
            person.actor, person.issuer, person.subject, person.email, person.title, self._now, self._now,
        )  # fmt: skip
        found = self.find(person.actor)
        return found or person

    def disable(self, actor: str, *, back: bool = False) -> None:
        """Shut somebody out, whom a login may never have brought; with `back`, let them in again."""
        self._rows.do(
            "INSERT INTO people (actor, created_at, disabled_at) VALUES (?, ?, ?)"
            " ON CONFLICT (actor) DO UPDATE SET disabled_at = excluded.disabled_at",
            actor, self._now, None if back else self._now,
        )  # fmt: skip

    def disabled(self, actor: str) -> bool:
        """Tell whether somebody is shut out."""
        return self._rows.one("SELECT 1 FROM people WHERE actor = ? AND disabled_at IS NOT NULL", actor) is not None

    def list(self, *actors: str, limit: int = 1000, after: str = "") -> Sequence[Person]:
        """Give everybody by name, or those who are named; `after` is a name to go on from."""
        among = f"actor IN ({', '.join('?' * len(actors))})" if actors else "1 = 1"
        sql = f"{_SELECT} {among} AND actor > ? ORDER BY actor LIMIT ?"
        return [Person(*row) for row in self._rows.all(sql, *actors, after, limit)]
