"""registry: assets of a kind with their versions, many at once by few queries, as registries of models are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from loopline.ledger.assets import Asset
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.ref import Ref
from loopline.store.database import Row, Rows

_FEW: Final = 200
"""Values of one query."""
_SELECT: Final = (
    "SELECT v.asset, a.project, a.kind, a.name, v.number, v.digest, v.author, v.metadata, v.run, v.recorded_at"
    " FROM versions v JOIN assets a ON a.id = v.asset"
)
_ALIVE: Final = "a.deleted_at IS NULL AND v.deleted_at IS NULL"


@dataclass(frozen=True, slots=True)
class Entered:
    """A version as a list shows it: without what it follows, and what kind of bytes it is."""

    asset: int
    name: AssetName
    number: int
    digest: Digest
    author: str
    said: str
    """Its metadata, as JSON: of many thousands few are read."""
    run: str | None
    recorded_at: int

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Read what it says of itself."""
        found: Mapping[str, Any] = json.loads(self.said)
        return found

    @property
    def key(self) -> tuple[int, int]:
        """Give what names it in a project: the asset's id and its number."""
        return self.asset, self.number

    @property
    def subject(self) -> str:
        """What its tags are filed under."""
        return f"version/{self.asset}/{self.number}"

    def __str__(self) -> str:
        """Write it as inside its project."""
        return f"{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which versions are wanted; what is left out is not asked."""

    names: tuple[str, ...] | None = None
    """Names of assets."""
    runs: tuple[str, ...] | None = None
    """Runs that made them."""


class Registry:
    """Reads the assets of a kind, whoever has published them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def models(self, project: str, kind: str) -> Iterator[Asset]:
        """Give every asset of a kind that is not deleted, by name."""
        rows = self._rows.all(
            "SELECT id, name, last_number, description, created_at FROM assets"
            " WHERE project = ? AND kind = ? AND deleted_at IS NULL ORDER BY name",
            project, kind,
        )  # fmt: skip
        return (Asset(row[0], AssetName(project, kind, row[1]), row[2], row[3], row[4], None) for row in rows)

    def versions(self, project: str, kind: str, narrow: Narrow | None = None) -> Iterator[Entered]:
        """Give the versions of assets of a kind that are not deleted, by asset and number."""
        where, values = "", list[Any]([project, kind])
        narrow = narrow or Narrow()
        for column, wanted in (("a.name", narrow.names), ("v.run", narrow.runs)):
            if wanted is not None:
                where += f" AND {column} IN ({', '.join('?' * len(wanted)) or 'NULL'})"
                values += wanted
        rows = self._rows.all(
            f"{_SELECT} WHERE a.project = ? AND a.kind = ? AND {_ALIVE}{where} ORDER BY v.asset, v.number", *values
        )
        return map(_entered, rows)

    def version(self, asset: int, number: int) -> Entered | None:
        """Look one up; a deleted one is not there."""
        row = self._rows.one(f"{_SELECT} WHERE v.asset = ? AND v.number = ? AND {_ALIVE}", asset, number)
        return _entered(row) if row else None

    def those(self, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Entered]:
        """Look many up by asset and number."""
        found: dict[tuple[int, int], Entered] = {}
        for few in _fews(sorted(set(keys))):
            where = " OR ".join(["(v.asset = ? AND v.number = ?)"] * len(few))
            rows = self._rows.all(f"{_SELECT} WHERE ({where}) AND {_ALIVE}", *(part for key in few for part in key))
            found.update((one.key, one) for one in map(_entered, rows))
        return found

    def newest(
        self, assets: Iterable[int], *, apart: Mapping[int, AbstractSet[int]], without: Mapping[int, AbstractSet[int]]
    ) -> list[tuple[int, int]]:
        """Give for each asset the newest version of those `apart`, and the newest of the others; `without` counts as neither."""
        found = []
        for asset in dict.fromkeys(assets):
            out = without.get(asset, frozenset())
            aside = apart.get(asset, frozenset()) - out
            if aside:
                found.append((asset, max(self._alive(asset, aside), default=0)))
            rows = self._rows.all(
                "SELECT number FROM versions WHERE asset = ? AND deleted_at IS NULL ORDER BY number DESC LIMIT ?",
                asset, len(out) + len(aside) + 1,
            )  # fmt: skip
            found.append((asset, next((row[0] for row in rows if row[0] not in out and row[0] not in aside), 0)))
        return [key for key in found if key[1]]

    def _alive(self, asset: int, numbers: AbstractSet[int]) -> Iterator[int]:
        for few in _fews(sorted(numbers)):
            marks = ", ".join("?" * len(few))
            rows = self._rows.all(
                f"SELECT number FROM versions WHERE asset = ? AND deleted_at IS NULL AND number IN ({marks})",
                asset,
                *few,
            )
            yield from (row[0] for row in rows)

    def refs(self, assets: Mapping[int, AssetName]) -> dict[int, list[Ref]]:
        """Give the refs of assets, by name."""
        found: dict[int, list[Ref]] = {}
        for few in _fews(sorted(assets)):
            rows = self._rows.all(
                "SELECT asset, name, target, tier, change, moved_at FROM refs"
                f" WHERE asset IN ({', '.join('?' * len(few))}) ORDER BY asset, name",
                *few,
            )
            for row in rows:
                found.setdefault(row[0], []).append(Ref(RefName(assets[row[0]], row[1]), *row[2:]))
        return found

    def touched(self, project: str, subjects: Iterable[str]) -> dict[str, int]:
        """Give when something was said last about each of many subjects of the feed."""
        found: dict[str, int] = {}
        for few in _fews(sorted(set(subjects))):
            marks = ", ".join(["(?)"] * len(few))
            rows = self._rows.all(
                f"WITH asked(subject) AS (VALUES {marks}) SELECT a.subject, (SELECT e.recorded_at FROM events e WHERE"
                " e.project = ? AND e.subject = a.subject ORDER BY e.seq DESC LIMIT 1) FROM asked a",
                *few, project,
            )  # fmt: skip
            found.update((subject, at) for subject, at in rows if at is not None)
        return found


def _entered(row: Row) -> Entered:
    return Entered(row[0], AssetName(*row[1:4]), row[4], Digest(row[5]), row[6], row[7], row[8], row[9])


def _fews(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _FEW] for start in range(0, len(values), _FEW))
