"""buckets: names under which other tools' clients find a branch (table buckets)."""

from __future__ import annotations

from collections.abc import Sequence

from loopline.ledger.assets import Assets
from loopline.nouns.bucket import S3Bucket
from loopline.nouns.name import RefName
from loopline.store.database import Rows


class Buckets:
    """Every bucket of the server."""

    def __init__(self, rows: Rows, now: int, assets: Assets) -> None:
        self._rows = rows
        self._now = now
        self._assets = assets

    def add(self, name: str, ref: RefName, *, auto_commit: bool = False) -> bool:
        """Write a bucket down; False where there is one of this name."""
        return bool(
            self._rows.do(
                "INSERT INTO buckets (name, asset, ref, auto_commit, created_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING",
                name, self._assets.ensure(ref.asset), ref.ref, int(auto_commit), self._now,
            )
        )  # fmt: skip

    def find(self, name: str) -> S3Bucket | None:
        """Look one up."""
        row = self._rows.one("SELECT name, asset, ref, auto_commit, created_at FROM buckets WHERE name = ?", name)
        return self._bucket(row) if row else None

    def list(self, limit: int = 10_000) -> Sequence[S3Bucket]:
        """Give them all, by name."""
        rows = self._rows.all(
            "SELECT name, asset, ref, auto_commit, created_at FROM buckets ORDER BY name LIMIT ?", limit
        )
        return [self._bucket(row) for row in rows]

    def remove(self, name: str) -> None:
        """Take a bucket away; what it was a name of stays."""
        self._rows.do("DELETE FROM buckets WHERE name = ?", name)

    def _bucket(self, row: tuple[object, ...]) -> S3Bucket:
        name, asset, ref, auto_commit, created_at = row
        number = int(str(asset))
        return S3Bucket(
            str(name), RefName(self._assets.name_of(number), str(ref)), bool(auto_commit), int(str(created_at))
        )
