"""refs: what is current (table refs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, NotFound
from loopline.ledger.assets import Assets
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.ref import Ref
from loopline.store.database import Rows

if TYPE_CHECKING:
    from loopline.nouns.change import (
        Move,  # with verdicts and estimates: a command that only lists refs needs none of them
    )


MOST: Final = 100_000
"""Refs of one kind of asset that are given at most."""


class Refs:
    """The refs of every asset."""

    def __init__(self, rows: Rows, now: int, assets: Assets) -> None:
        self._rows = rows
        self._now = now
        self._assets = assets

    def find(self, name: RefName) -> Ref | None:
        """Read a ref as of now."""
        asset = self._assets.id_of(name.asset)
        if asset is None:
            return None
        row = self._rows.one(
            "SELECT target, tier, change, moved_at FROM refs WHERE asset = ? AND name = ?", asset, name.ref
        )
        return Ref(name, *row) if row else None

    def get(self, name: RefName) -> Ref:
        """Read a ref as of now. Raise NotFound, naming the refs that are there."""
        ref = self.find(name)
        if ref is None:
            self._assets.get(name.asset)
            others = ", ".join(str(r.name) for r in self.of(name.asset)) or "none yet"
            raise NotFound(f"there is no {name}", kind="no-ref", hint=f"refs of {name.asset}: {others}", ref=str(name))
        return ref

    def of(self, asset: AssetName) -> Sequence[Ref]:
        """Give every ref of an asset, by name."""
        number = self._assets.id_of(asset)
        rows = self._rows.all(
            "SELECT name, target, tier, change, moved_at FROM refs WHERE asset = ? ORDER BY name", number
        )
        return [Ref(RefName(asset, row[0]), *row[1:]) for row in rows]

    def list(self, project: str, *, limit: int = 1000) -> Sequence[Ref]:
        """Give every ref of a project, by asset and name."""
        rows = self._rows.all(
            "SELECT a.kind, a.name, r.name, r.target, r.tier, r.change, r.moved_at FROM refs r JOIN assets a ON a.id = r.asset"
            " WHERE a.project = ? AND a.deleted_at IS NULL ORDER BY a.kind, a.name, r.name LIMIT ?",
            project, limit,
        )  # fmt: skip
        return [Ref(RefName(AssetName(project, r[0], r[1]), r[2]), *r[3:]) for r in rows]

    def of_kind(self, kind: str, *, project: str = "", limit: int = MOST) -> Sequence[Ref]:
        """Give the refs of assets of a kind, by project and name; of one project's where one is named."""
        where, values = (" AND a.project = ?", (project,)) if project else ("", ())
        rows = self._rows.all(
            "SELECT a.project, a.name, r.name, r.target, r.tier, r.change, r.moved_at FROM refs r JOIN assets a ON a.id = r.asset"
            f" WHERE a.kind = ?{where} AND a.deleted_at IS NULL ORDER BY a.project, a.name, r.name LIMIT ?",
            kind, *values, limit,
        )  # fmt: skip
        return [Ref(RefName(AssetName(r[0], kind, r[1]), r[2]), *r[3:]) for r in rows]

    def any(self, kind: str) -> bool:
        """Tell whether any project has a ref of this kind of asset."""
        found = self._rows.one(
            "SELECT 1 FROM assets a JOIN refs r ON r.asset = a.id WHERE a.kind = ? AND a.deleted_at IS NULL LIMIT 1",
            kind,
        )
        return found is not None

    def move(self, move: Move, *, change: str) -> None:
        """Point a ref at a version, or delete it, if it still stands where `move.old` says. Raise Conflict otherwise."""
        here = self.find(move.ref)
        found = here.target if here else None
        if found != move.old:
            raise Conflict(
                f"{move.ref} has moved", kind="ref-moved", hint=f"loopline show {move.ref}, then propose again",
                ref=str(move.ref), expected=move.old, found=found,
            )  # fmt: skip
        asset = self._assets.get(move.ref.asset).id
        if move.new is None:
            self._rows.do("DELETE FROM refs WHERE asset = ? AND name = ?", asset, move.ref.ref)
            return
        if not self._rows.one(
            "SELECT 1 FROM versions WHERE asset = ? AND number = ? AND deleted_at IS NULL", asset, move.new
        ):
            raise NotFound(
                f"{move.ref.asset} has no version {move.new}",
                kind="no-version",
                hint=f"loopline history {move.ref.asset}",
                number=move.new,
            )
        tier = move.tier if move.tier is not None else (here.tier if here else "")
        self._rows.do(
            "INSERT INTO refs (asset, name, target, tier, change, moved_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (asset, name) DO UPDATE SET target = excluded.target, tier = excluded.tier,"
            " change = excluded.change, moved_at = excluded.moved_at",
            asset, move.ref.ref, move.new, tier, change, self._now,
        )  # fmt: skip
