"""multiparts: files that come in numbered parts and are put together at the end (tables multiparts, parts)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from loopline.nouns.digest import Digest
from loopline.store.database import Row, Rows

LONGEST: Final = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which one that nobody ends is kept, and for which the answer to its end is."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A file on its way."""

    id: str
    owner: str
    """Key of the ref that it will be staged on."""
    path: str
    notes: Mapping[str, Any]
    actor: str
    created_at: int = 0
    done: Mapping[str, Any] = field(default_factory=dict)
    """What was answered when it was put together: who asks again is told the same."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of its parts, which is a blob."""

    number: int
    digest: Digest
    size: int
    md5: str
    sums: Mapping[str, str] = field(default_factory=dict)
    """Other sums that were asked for, by algorithm, in base64."""
    recorded_at: int = 0


class Multiparts:
    """Those of every branch."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def begin(self, one: Multipart) -> None:
        """Write down that it begins, and forget what began on the same branch a week ago."""
        self._forget("owner = ? AND created_at < ?", one.owner, self._now - LONGEST)
        self._rows.do(
            "INSERT INTO multiparts (id, owner, path, notes, actor, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            one.id, one.owner, one.path, json.dumps(one.notes, sort_keys=True), one.actor, self._now,
        )  # fmt: skip

    def find(self, name: str) -> Multipart | None:
        """Look one up, also one that is done."""
        row = self._rows.one(
            "SELECT id, owner, path, notes, actor, created_at, done FROM multiparts WHERE id = ?", name
        )
        return _multipart(row) if row else None

    def list(self, owner: str) -> Sequence[Multipart]:
        """Give those of a branch that are not done, by path and then in the order in which they began."""
        rows = self._rows.all(
            "SELECT id, owner, path, notes, actor, created_at, done FROM multiparts WHERE owner = ? AND done = ''",
            owner,
        )
        return sorted(map(_multipart, rows), key=lambda one: (one.path, one.created_at, one.id))

    def put(self, name: str, part: Part) -> None:
        """Write a part down, in the place of an earlier one of its number."""
        self._rows.do(
            "INSERT INTO parts (multipart, number, digest, size, md5, sums, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (multipart, number) DO UPDATE SET digest = excluded.digest, size = excluded.size,"
            " md5 = excluded.md5, sums = excluded.sums, recorded_at = excluded.recorded_at",
            name, part.number, part.digest, part.size, part.md5, json.dumps(part.sums, sort_keys=True), self._now,
        )  # fmt: skip

    def parts(self, name: str, *, after: int = 0, limit: int = 10_000) -> Sequence[Part]:
        """Give its parts by number."""
        rows = self._rows.all(
            "SELECT number, digest, size, md5, sums, recorded_at FROM parts WHERE multipart = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            name, after, limit,
        )  # fmt: skip
        return [Part(row[0], Digest(row[1]), row[2], row[3], json.loads(row[4]), row[5]) for row in rows]

    def end(self, name: str, done: Mapping[str, Any] | None = None) -> None:
        """Forget its parts; with `done` keep what was made of it, else forget all of it."""
        self._rows.do("DELETE FROM parts WHERE multipart = ?", name)
        if done:
            self._rows.do("UPDATE multiparts SET done = ? WHERE id = ?", json.dumps(done, sort_keys=True), name)
        else:
            self._rows.do("DELETE FROM multiparts WHERE id = ?", name)

    def sweep(self) -> int:
        """Forget what began a week ago on any branch, with its parts. Give how many there were."""
        return self._forget("created_at < ?", self._now - LONGEST)

    def _forget(self, which: str, *words: object) -> int:
        self._rows.do(f"DELETE FROM parts WHERE multipart IN (SELECT id FROM multiparts WHERE {which})", *words)
        return self._rows.do(f"DELETE FROM multiparts WHERE {which}", *words)


def _multipart(row: Row) -> Multipart:
    return Multipart(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], json.loads(row[6]) if row[6] else {})
