"""staging: what is said about paths of a branch before it is a version (tables staging, workings).

A row is the newest word about a path, numbered in the order of writing. Rows are folded into a working root now and then, so
that there are never many; whoever folds says which root and which rows they saw, and two do not fold over each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from loopline.errors import Conflict
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.staged import Staged, Working
from loopline.store.database import Row, Rows

_SELECT: Final = "SELECT path, digest, size, mode, notes, whole, seq, actor, recorded_at FROM staging WHERE owner = ?"
_FEW: Final = 500
_WORKING: Final = "last, folded, base, root, notes, recorded_at"


class Staging:
    """What is staged, by owner: a ref's key."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def put(self, owner: str, entry: Entry, *, notes: str = "", actor: str = "") -> Staged:
        """Stage a file, or a marker, over what was staged or committed there."""
        return self._say(owner, Staged(entry.path, entry, notes, actor=actor))

    def remove(self, owner: str, path: str, *, actor: str = "") -> Staged:
        """Stage that a path is gone."""
        return self._say(owner, Staged(path, None, actor=actor))

    def cut(self, owner: str, prefix: str, *, actor: str = "") -> Staged:
        """Stage that everything is gone whose path begins with `prefix`: one row, however much that is."""
        self._rows.do(
            "DELETE FROM staging WHERE owner = ? AND substr(path, 1, ?) = ?", owner, len(prefix), prefix
        )  # older words about it count no more; so what is there later was said later
        return self._say(owner, Staged(prefix, None, whole=True, actor=actor))

    def around(self, owner: str, path: str) -> Sequence[Staged]:
        """Give the rows that decide about one path: its own, those of files where it wants folders, those below it, what cuts."""
        wanted = [path, path.removesuffix("/")]
        while above := wanted[-1].rpartition("/")[0]:
            wanted.append(above)
        marks = ", ".join("?" * len(wanted))
        below = f"{wanted[1]}/"
        rows = self._rows.all(
            f"{_SELECT} AND (whole = 1 OR path IN ({marks}) OR substr(path, 1, ?) = ?)",
            owner,
            *wanted,
            len(below),
            below,
        )
        return [_staged(row) for row in rows]

    def list(self, owner: str) -> Sequence[Staged]:
        """Give what is staged, by path; rows that cut come first."""
        rows = self._rows.all(_SELECT, owner)
        return sorted((_staged(row) for row in rows), key=lambda one: (not one.whole, one.path))

    def roots(self, project: str) -> Sequence[tuple[str, Digest, Digest | None]]:
        """Give the owners of a project for whom rows were folded, with the roots of files and of notes."""
        begins = f"{project}:"
        rows = self._rows.all(
            "SELECT owner, root, notes FROM workings WHERE root IS NOT NULL AND substr(owner, 1, ?) = ? ORDER BY owner",
            len(begins), begins,
        )  # fmt: skip
        return [(owner, Digest(root), Digest(notes) if notes else None) for owner, root, notes in rows]

    def files(self, project: str) -> Sequence[tuple[str, Entry]]:
        """Give the owners of a project with the files that rows say are there."""
        begins = f"{project}:"
        rows = self._rows.all(
            "SELECT owner, path, digest, size FROM staging WHERE digest IS NOT NULL AND substr(owner, 1, ?) = ?"
            " ORDER BY owner, seq", len(begins), begins,
        )  # fmt: skip
        return [(owner, Entry(path, Digest(digest), size)) for owner, path, digest, size in rows]

    def working(self, owner: str) -> Working:
        """Give what rows were folded into."""
        row = self._rows.one(f"SELECT {_WORKING} FROM workings WHERE owner = ?", owner)
        return Working(*row) if row else Working()

    def hold(self, owner: str) -> Working:
        """Give it, and keep everybody else from staging for this owner until the transaction ends."""
        row = self._rows.one(
            "INSERT INTO workings (owner, last, recorded_at) VALUES (?, 0, 0)"
            f" ON CONFLICT (owner) DO UPDATE SET last = workings.last RETURNING {_WORKING}",
            owner,
        )
        return Working(*row) if row else Working()

    def fold(self, owner: str, made: Working, *, seen: Working) -> None:
        """Put a working root in the place of the rows up to `made.folded`. Raise Conflict where somebody else was faster."""
        here = self.hold(owner)
        if (here.folded, here.base, here.root, here.notes) != (seen.folded, seen.base, seen.root, seen.notes):
            raise Conflict("somebody else has folded this", kind="staging-moved", hint="read it again", owner=owner)
        self._rows.do(
            "UPDATE workings SET folded = ?, base = ?, root = ?, notes = ?, recorded_at = ? WHERE owner = ?",
            made.folded, made.base, made.root, made.notes, self._now, owner,
        )  # fmt: skip
        self._rows.do("DELETE FROM staging WHERE owner = ? AND seq <= ?", owner, made.folded)

    def settle(self, owner: str) -> None:
        """Forget what was folded, which is a version now. Rows that were staged meanwhile lie over that version."""
        self._rows.do(
            "UPDATE workings SET base = NULL, root = NULL, notes = NULL, recorded_at = ? WHERE owner = ?",
            self._now,
            owner,
        )

    def clear(self, owner: str) -> None:
        """Forget everything that is staged. Numbers go on, so that nobody who still folds does it over what comes."""
        here = self.hold(owner)
        self._rows.do("DELETE FROM staging WHERE owner = ?", owner)
        self._rows.do(
            "UPDATE workings SET folded = ?, last = ?, base = NULL, root = NULL, notes = NULL, recorded_at = ? WHERE owner = ?",
            here.last + 1, here.last + 1, self._now, owner,
        )  # fmt: skip

    def clear_all(self, owners: Iterable[str]) -> None:
        """Forget everything that is staged for many, most of whom have nothing."""
        wanted = list(dict.fromkeys(owners))
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            for row in self._rows.all(f"SELECT owner FROM workings WHERE owner IN ({marks}) ORDER BY owner", *few):
                self.clear(row[0])

    def _say(self, owner: str, said: Staged) -> Staged:
        row = self._rows.one(
            "INSERT INTO workings (owner, last, recorded_at) VALUES (?, 1, 0)"
            " ON CONFLICT (owner) DO UPDATE SET last = workings.last + 1 RETURNING last",
            owner,
        )
        seq = int(row[0]) if row else 0
        entry = said.entry
        held = (entry.digest, entry.size, entry.mode) if entry else (None, 0, 0)
        self._rows.do(
            "INSERT INTO staging (owner, whole, path, seq, digest, size, mode, notes, actor, recorded_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, whole, path) DO UPDATE SET seq = excluded.seq,"
            " digest = excluded.digest, size = excluded.size, mode = excluded.mode, notes = excluded.notes,"
            " actor = excluded.actor, recorded_at = excluded.recorded_at",
            owner, int(said.whole), said.path, seq, *held, said.notes, said.actor, self._now,
        )  # fmt: skip
        return replace(said, seq=seq, recorded_at=self._now)


def _staged(row: Row) -> Staged:
    entry = None if row[1] is None else Entry(row[0], Digest(row[1]), row[2], row[3])
    return Staged(row[0], entry, row[4], bool(row[5]), row[6], row[7], row[8])
