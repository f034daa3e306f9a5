"""tokens: secrets that speak for actors (table tokens). Only the hash of a secret is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from loopline.errors import NotFound
from loopline.nouns.token import Scope, Token
from loopline.store.database import Row, Rows

_SELECT: Final = (
    "SELECT id, actor, name, scopes, created_by, created_at, expires_at, revoked_at, used_at FROM tokens WHERE "
)
NEWS: Final = 60_000_000
"""Microseconds within which a second use of a token is not written down."""


class Tokens:
    """Every token of the server."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, token: Token, *, hashed: str) -> Token:
        """Keep a token. `hashed` names its secret and is unique."""
        self._rows.do(
            "INSERT INTO tokens (id, hash, actor, name, scopes, created_by, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            token.id, hashed, token.actor, token.name, json.dumps([asdict(one) for one in token.scopes]), token.created_by,
            self._now, token.expires_at,
        )  # fmt: skip
        return self.get(token.id)

    def find(self, hashed: str) -> Token | None:
        """Look a token up by the hash of its secret; None too where it was revoked or has expired."""
        row = self._rows.one(f"{_SELECT} hash = ?", hashed)
        token = _token(row) if row else None
        return token if token and self.lives(token) else None

    def get(self, name: str) -> Token:
        """Give a token by its id, also one that is dead. Raise NotFound."""
        found = self.find_id(name)
        if found is None:
            raise no_token(name)
        return found

    def find_id(self, name: str) -> Token | None:
        """Look a token up by its id, also one that is dead."""
        row = self._rows.one(f"{_SELECT} id = ?", name)
        return _token(row) if row else None

    def lives(self, token: Token) -> bool:
        """Tell whether a token can still be used."""
        return token.revoked_at is None and (token.expires_at is None or token.expires_at > self._now)

    def list(self, *actors: str, limit: int = 1000, after: str = "") -> Sequence[Token]:
        """Give the tokens, of some actors if any are named, the newest first; `after` is an id to go on from."""
        where, values = _among(actors)
        if after:
            where += (
                " AND (created_at < (SELECT created_at FROM tokens WHERE id = ?)"
                " OR (created_at = (SELECT created_at FROM tokens WHERE id = ?) AND id > ?))"
            )
            values += [after, after, after]
        return [
            _token(row)
            for row in self._rows.all(f"{_SELECT} {where} ORDER BY created_at DESC, id LIMIT ?", *values, limit)
        ]

    def revoke(self, name: str) -> bool:
        """End a token now; False where it had been revoked before."""
        return bool(
            self._rows.do("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", self._now, name)
        )

    def use(self, token: Token) -> None:
        """Write down that a token was used, to the nearest minute."""
        self._rows.do(
            "UPDATE tokens SET used_at = ? WHERE id = ? AND (used_at IS NULL OR used_at < ?)",
            self._now, token.id, self._now - NEWS,
        )  # fmt: skip

    def actors(self) -> Sequence[str]:
        """Give every actor that has a token which can still be used."""
        rows = self._rows.all(
            "SELECT DISTINCT actor FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
            " ORDER BY actor",
            self._now,
        )
        return [row[0] for row in rows]

    def any_of(self, actors: Sequence[str]) -> bool:
        """Tell whether any of these actors has a token that nobody has revoked: one that has expired counts, too."""
        if not actors:
            return False
        marks = ", ".join("?" * len(actors))
        row = self._rows.one(f"SELECT 1 FROM tokens WHERE actor IN ({marks}) AND revoked_at IS NULL LIMIT 1", *actors)
        return row is not None


def _among(actors: Sequence[str]) -> tuple[str, list[str]]:
    return (f"actor IN ({', '.join('?' * len(actors))})", [*actors]) if actors else ("1 = 1", [])


def no_token(name: str) -> NotFound:
    """Say that no token has an id, as far as the caller is concerned."""
    return NotFound(f"there is no token {name}", kind="no-token", hint="loopline find tokens", token=name)


def _token(row: Row) -> Token:
    scopes = tuple(Scope(tuple(one["verbs"]), one["project"], one["assets"]) for one in json.loads(row[3]))
    return Token(row[0], row[1], row[2], scopes, *row[4:])
