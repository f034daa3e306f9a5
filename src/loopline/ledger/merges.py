"""merges: what waits until somebody has chosen between two sides (tables merges, resolutions).

A merge is three versions and what was taken, in order. Which paths clash is in none of the rows: it follows from the three.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from loopline.errors import Conflict
from loopline.ledger.assets import Assets
from loopline.nouns.digest import Digest
from loopline.nouns.merge import DRIVER, Merge, Resolution
from loopline.nouns.name import RefName
from loopline.store.database import Row, Rows

_SELECT: Final = (
    "SELECT asset, ref, kind, state, base, ours, theirs, source, id, message, actor, created_at, closed_at FROM merges"
)


class Merges:
    """The merges of every project in which paths clash, or did."""

    def __init__(self, rows: Rows, now: int, assets: Assets) -> None:
        self._rows = rows
        self._now = now
        self._assets = assets

    def open(self, merge: Merge) -> Merge:
        """Write one down. Raise Conflict kind="merge-open" where the ref has one that is not over."""
        here = self.of(merge.ref)
        if here is not None:
            raise open_already(here)
        self._rows.do(
            "INSERT INTO merges (id, project, asset, ref, kind, source, base, ours, theirs, message, state, actor, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            merge.id, merge.ref.asset.project, self._assets.get(merge.ref.asset).id, merge.ref.ref, merge.kind, merge.source,
            merge.base, merge.ours, merge.theirs, merge.message, merge.state, merge.actor, self._now,
        )  # fmt: skip
        return self._one(merge.id)

    def of(self, ref: RefName) -> Merge | None:
        """Give the open merge of a ref; None where there is none."""
        asset = self._assets.id_of(ref.asset)
        row = self._rows.one(f"{_SELECT} WHERE asset = ? AND ref = ? AND closed_at IS NULL", asset, ref.ref)
        return self._merge(row) if row else None

    def list(self, project: str, *, limit: int = 100) -> Sequence[Merge]:
        """Give the open ones of a project, newest first."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND closed_at IS NULL ORDER BY id DESC LIMIT ?", project, limit
        )
        return [self._merge(row) for row in rows]

    def move(self, merge: str, *, ours: int, base: int | None) -> Merge:
        """Let an open merge go on from where its ref stands now. What was taken stays. Raise Conflict kind="merge-over"."""
        self._must_be_open(merge)
        self._rows.do("UPDATE merges SET ours = ?, base = ? WHERE id = ?", ours, base, merge)
        return self._one(merge)

    def close(self, merge: Merge) -> None:
        """Say what came of it: a version and the change that moves the ref, or nothing. Raise Conflict kind="merge-over"."""
        self._must_be_open(merge.id)
        self._rows.do(
            "UPDATE merges SET state = ?, closed_at = ?, version = ?, change = ? WHERE id = ?",
            merge.state, self._now, merge.version.number if merge.version else None,
            merge.change.id if merge.change else None, merge.id,
        )  # fmt: skip

    def take(self, merge: str, taken: Iterable[Resolution]) -> None:
        """Add what was taken, behind all that was taken before. Raise Conflict kind="merge-over"."""
        self._must_be_open(merge)
        row = self._rows.one("SELECT COALESCE(MAX(seq), 0) FROM resolutions WHERE merge = ?", merge)
        first = int(row[0]) + 1 if row else 1
        self._rows.many(
            "INSERT INTO resolutions (merge, seq, pattern, choice, digest, size, mode, actor, recorded_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (merge, first + at, one.pattern, one.choice, one.digest, one.size, one.mode, one.actor, self._now)
                for at, one in enumerate(taken)
            ],
        )

    def forget_made(self, merge: str) -> None:
        """Take away what drivers have made: what was made of three files is worth nothing for three others."""
        self._rows.do("DELETE FROM resolutions WHERE merge = ? AND actor LIKE ?", merge, f"{DRIVER}%")

    def taken(self, merge: str) -> Sequence[Resolution]:
        """Give what was taken, in order."""
        rows = self._rows.all(
            "SELECT pattern, choice, digest, size, mode, actor, recorded_at FROM resolutions WHERE merge = ? ORDER BY seq",
            merge,
        )
        return [Resolution(r[0], r[1], Digest(r[2]) if r[2] else None, *r[3:]) for r in rows]

    def _must_be_open(self, merge: str) -> None:
        if not self._rows.one("SELECT 1 FROM merges WHERE id = ? AND closed_at IS NULL", merge):
            raise Conflict(
                "somebody has finished this merge, or given it up",
                kind="merge-over",
                hint="loopline merges",
                merge=merge,
            )

    def _one(self, merge: str) -> Merge:
        row = self._rows.one(f"{_SELECT} WHERE id = ?", merge)
        assert row is not None  # noqa: S101 - written in this transaction, or read in it
        return self._merge(row)

    def _merge(self, row: Row) -> Merge:
        ref = RefName(self._assets.name_of(row[0]), row[1])
        return Merge(
            ref=ref, kind=row[2], state=row[3], base=row[4], ours=row[5], theirs=row[6], source=row[7], id=row[8],
            message=row[9], actor=row[10], created_at=row[11], closed_at=row[12],
        )  # fmt: skip


def open_already(here: Merge) -> Conflict:
    """Say that a ref has a merge that is not over."""
    return Conflict(
        f"{here.ref} has a merge that is not over: of {here.source}", kind="merge-open",
        hint=f"loopline merge --continue {here.ref}, or --abandon", ref=str(here.ref), merge=here.id,
    )  # fmt: skip
