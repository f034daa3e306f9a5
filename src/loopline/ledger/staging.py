"""staging: what is about to become a version or an output of a run (table staging)."""

from __future__ import annotations

from collections.abc import Sequence

from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.database import Rows


class Staging:
    """Path → digest maps, one for each owner: a ref's key, or `run:` and an id."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def put(self, owner: str, entry: Entry, *, media_type: str = "") -> None:
        """Stage a file, over what was staged or committed there."""
        self._set(owner, entry.path, entry, media_type)

    def remove(self, owner: str, path: str) -> None:
        """Stage that a file is gone."""
        self._set(owner, path, None, "")

    def list(
        self, owner: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> Sequence[tuple[str, Entry | None]]:
        """Give what is staged by path; None says that the path is to go."""
        rows = self._rows.all(
            "SELECT path, digest, size, mode FROM staging WHERE owner = ? AND path > ? AND path >= ? AND path < ?"
            " ORDER BY path LIMIT ?",
            owner, after, prefix, prefix + "\U0010ffff", limit,
        )  # fmt: skip
        return [(r[0], None if r[1] is None else Entry(r[0], Digest(r[1]), r[2], r[3])) for r in rows]

    def seal(self, owner: str) -> dict[str, Entry | None]:
        """Take everything that is staged out of staging, to be made an artifact in the same transaction."""
        rows = self._rows.all("SELECT path, digest, size, mode FROM staging WHERE owner = ?", owner)
        self._rows.do("DELETE FROM staging WHERE owner = ?", owner)
        return {r[0]: None if r[1] is None else Entry(r[0], Digest(r[1]), r[2], r[3]) for r in rows}

    def _set(self, owner: str, path: str, entry: Entry | None, media_type: str) -> None:
        held = (entry.digest, entry.size, entry.mode) if entry else (None, 0, 0)
        self._rows.do(
            "INSERT INTO staging (owner, path, digest, size, mode, media_type, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (owner, path) DO UPDATE SET digest = excluded.digest, size = excluded.size, mode = excluded.mode,"
            " media_type = excluded.media_type, recorded_at = excluded.recorded_at",
            owner, path, *held, media_type, self._now,
        )  # fmt: skip
