"""versions: the history of an asset (tables versions, parents, quarantine)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Final

from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.assets import Assets, not_deleted
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.event import canonical
from loopline.nouns.name import AssetName, Hashed, Latest, Named, Numbered, Pointer
from loopline.nouns.version import Version
from loopline.store.database import Row, Rows

_SELECT = (
    "SELECT v.asset, v.number, v.digest, a.media_type, a.size, v.author, v.message, v.metadata, v.run, v.recorded_at,"
    " v.event_time, q.since, v.deleted_at FROM versions v JOIN artifacts a ON a.digest = v.digest"
    " LEFT JOIN quarantine q ON q.asset = v.asset AND q.number = v.number"
)


BOTH: Final = 3
STALE: Final = 7
"""Sides that a version was reached from: 1 and 2, both, and below one that both come from."""
_AHEAD: Final = 500
"""Numbers whose parents are read at once."""


class Versions:
    """The versions of every asset."""

    def __init__(self, rows: Rows, now: int, assets: Assets) -> None:
        self._rows = rows
        self._now = now
        self._assets = assets

    def publish(
        self,
        name: AssetName,
        artifact: Artifact,
        *,
        author: str,
        message: str = "",
        parents: Sequence[int] = (),
        metadata: Mapping[str, Any] | None = None,
        run: str | None = None,
        event_time: int | None = None,
        number: int | None = None,
    ) -> Version:
        """Append a version under the asset's next number, or under one that no version has. Raise NotFound for no parent.

        Raise Conflict kind="number-taken".
        """
        try:
            told = canonical(dict(metadata or {})).decode()
        except (TypeError, ValueError) as error:
            raise Invalid(
                f"the metadata of {name} are no JSON: {error}", kind="bad-metadata", hint="leave out NaN and objects",
                asset=str(name),
            ) from None  # fmt: skip
        asset = self._assets.ensure(name)
        self._assets.describe(artifact)
        number = self._next(asset) if number is None else self._free(name, asset, number)
        self._rows.do(
            "INSERT INTO versions (asset, number, digest, author, message, metadata, run, recorded_at, event_time)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            asset, number, artifact.digest, author, message, told, run, self._now, event_time,
        )  # fmt: skip
        for parent in sorted(set(parents)):
            if not self._rows.one("SELECT 1 FROM versions WHERE asset = ? AND number = ?", asset, parent):
                raise NotFound(
                    f"{name} has no version {parent}", kind="no-version", hint=f"loopline history {name}", number=parent
                )
            self._rows.do("INSERT INTO parents (asset, number, parent) VALUES (?, ?, ?)", asset, number, parent)
        return self.get(name, number)

    def _next(self, asset: int) -> int:
        row = self._rows.one(
            "UPDATE assets SET last_number = last_number + 1 WHERE id = ? RETURNING last_number", asset
        )
        return int(row[0]) if row else 0

    def _free(self, name: AssetName, asset: int, number: int) -> int:
        """Make sure that a number is free, and let the next ones be higher."""
        if number < 1 or self.find(name, number) is not None:
            raise Conflict(
                f"{name}@{number} is already there", kind="number-taken", hint="leave the number out", asset=str(name),
                number=number,
            )  # fmt: skip
        self._rows.do("UPDATE assets SET last_number = ? WHERE id = ? AND last_number < ?", number, asset, number)
        return number

    def subject(self, version: Version) -> str:
        """Give what the tags of a version are filed under."""
        return f"version/{self._assets.id_of(version.asset)}/{version.number}"

    def find(self, name: AssetName, number: int) -> Version | None:
        """Look one up by number, also when it is deleted or in quarantine."""
        asset = self._assets.id_of(name)
        if asset is None:
            return None
        row = self._rows.one(f"{_SELECT} WHERE v.asset = ? AND v.number = ?", asset, number)
        return self._version(name, row) if row else None

    def get(self, name: AssetName, number: int) -> Version:
        """Look one up by number. Raise NotFound."""
        found = self.find(name, number)
        if found is None:
            self._assets.get(name)
            raise NotFound(
                f"{name} has no version {number}",
                kind="no-version",
                hint=f"loopline history {name}",
                asset=str(name),
                number=number,
            )
        return found

    def resolve(self, pointer: Pointer) -> Version:
        """Find the version that was meant, as of now. Raise NotFound, saying what is missing."""
        name = pointer.asset
        asset = self._assets.get(name).id
        row: Row | None
        match pointer.revision:
            case Numbered(number):
                return self._alive(self.get(name, number))
            case Hashed(prefix):
                row = self._rows.one(
                    f"{_SELECT} WHERE v.asset = ? AND v.digest >= ? AND v.digest < ? AND v.deleted_at IS NULL"
                    " ORDER BY v.number DESC LIMIT 1",
                    asset, prefix, prefix + "g",
                )  # fmt: skip
            case Named(ref):
                row = self._rows.one(
                    f"{_SELECT} JOIN refs r ON r.asset = v.asset AND r.target = v.number WHERE r.asset = ? AND r.name = ?",
                    asset,
                    ref,
                )
            case Latest():
                row = self._rows.one(
                    f"{_SELECT} WHERE v.asset = ? AND v.deleted_at IS NULL AND q.since IS NULL ORDER BY v.number DESC LIMIT 1",
                    asset,
                )
        if row is None:
            raise NotFound(
                f"nothing is at {pointer}", kind="no-revision", hint=f"loopline history {name}", pointer=str(pointer)
            )
        return self._version(name, row)

    def list(
        self, name: AssetName, *, before: int | None = None, limit: int = 50, deleted: bool = False
    ) -> Sequence[Version]:
        """Give them newest first; `before` is a number to go on from."""
        asset = self._assets.get(name).id
        rows = self._rows.all(
            f"{_SELECT} WHERE v.asset = ? AND v.number < ? AND (v.deleted_at IS NULL OR ? = 1) ORDER BY v.number DESC LIMIT ?",
            asset, before if before is not None else 2**62, int(deleted), limit,
        )  # fmt: skip
        return [self._version(name, row) for row in rows]

    def bases(self, name: AssetName, a: int, b: int) -> Sequence[int]:
        """Give the versions that both `a` and `b` come from, or are, and that no other such version comes from; newest first.

        There are several where two lines were merged crosswise, and none where they have nothing in common. Parents have lower
        numbers than what comes from them, so it goes down from the higher one and reads no further than it has to.
        """
        asset = self._assets.id_of(name)
        sides = {a: 1, **({b: 2} if a != b else {a: 3})}
        waiting = [-number for number in sides]
        heapify(waiting)
        parents: dict[int, list[int]] = {}
        floor = max(a, b) + 1
        found: list[int] = []
        while any(sides[-number] != STALE for number in waiting):
            number = -heappop(waiting)
            side = sides.pop(number)
            if side == BOTH:
                found.append(number)
                side = STALE
            if number < floor:
                floor = max(number - _AHEAD, 0)
                rows = self._rows.all(
                    "SELECT number, parent FROM parents WHERE asset = ? AND number >= ? AND number <= ?",
                    asset,
                    floor,
                    number,
                )
                parents = {}
                for child, parent in rows:
                    parents.setdefault(child, []).append(parent)
            for parent in parents.get(number, ()):
                if parent not in sides:
                    heappush(waiting, -parent)
                sides[parent] = sides.get(parent, 0) | side
        return found

    def newest(self, project: str, *, limit: int) -> Sequence[Version]:
        """Give those of every asset of a project, newest first, and in front of them those that a ref stands at."""
        rows = self._rows.all(
            f"{_SELECT} JOIN assets s ON s.id = v.asset"
            " WHERE s.project = ? AND s.deleted_at IS NULL AND v.deleted_at IS NULL"
            " ORDER BY CASE WHEN EXISTS (SELECT 1 FROM refs r WHERE r.asset = v.asset AND r.target = v.number) THEN 0 ELSE 1 END,"
            " v.recorded_at DESC, v.asset, v.number DESC LIMIT ?",
            project, limit,
        )  # fmt: skip
        return [self._version(self._assets.name_of(row[0]), row) for row in rows]

    def by_digest(self, project: str, digest: str) -> Sequence[Version]:
        """Give every version of a project with this digest, newest first."""
        rows = self._rows.all(
            f"{_SELECT} JOIN assets s ON s.id = v.asset WHERE v.digest = ? AND s.project = ?"
            " ORDER BY v.recorded_at DESC, v.number DESC",
            digest, project,
        )  # fmt: skip
        return [self._version(self._assets.name_of(row[0]), row) for row in rows]

    def saying(self, name: AssetName, text: str, *, limit: int = 10) -> Sequence[Version]:
        """Give those of an asset whose metadata hold a piece of canonical JSON, oldest first. It reads what all of them say."""
        wanted = re.sub(r"[!%_]", r"!\g<0>", text)
        rows = self._rows.all(
            f"{_SELECT} WHERE v.asset = ? AND v.metadata LIKE ? ESCAPE '!' ORDER BY v.number LIMIT ?",
            self._assets.id_of(name), f"%{wanted}%", limit,
        )  # fmt: skip
        return [self._version(name, row) for row in rows]

    def named(self, project: str, digests: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """Give, for each digest that is a version of the project, the names of those versions."""
        found: dict[str, Any] = {}
        wanted = tuple(digests)
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.all(
                "SELECT v.digest, a.kind, a.name, v.number FROM versions v CROSS JOIN assets a"
                f" WHERE a.id = v.asset AND a.project = ? AND v.digest IN ({marks}) ORDER BY v.asset, v.number",
                project, *chunk,
            )  # fmt: skip
            for digest, kind, name, number in rows:
                found.setdefault(digest, []).append(f"{AssetName(project, kind, name)}@{number}")
        return found

    def of_types(self, project: str, media_types: Sequence[str]) -> Iterator[tuple[AssetName, int, Digest]]:
        """Give asset, number and digest of every version of these media types, deleted or not, by asset and number."""
        marks = ", ".join("?" * len(media_types))
        rows = self._rows.all(
            "SELECT s.kind, s.name, v.number, v.digest FROM artifacts a CROSS JOIN versions v CROSS JOIN assets s"
            f" WHERE a.media_type IN ({marks}) AND v.digest = a.digest AND s.id = v.asset AND s.project = ?"
            " ORDER BY s.kind, s.name, v.number",
            *media_types, project,
        )  # fmt: skip
        return ((AssetName(project, kind, name), number, digest) for kind, name, number, digest in rows)

    def by_run(self, run: str) -> Sequence[Version]:
        """Give what a run published."""
        rows = self._rows.all(f"{_SELECT} WHERE v.run = ? ORDER BY v.asset, v.number", run)
        return [self._version(self._assets.name_of(row[0]), row) for row in rows]

    def quarantine(self, name: AssetName, number: int, *, reason: str, change: str | None = None) -> None:
        """Mark a version so that no automation moves there again. Marking twice keeps the first mark."""
        self.get(name, number)
        self._rows.do(
            "INSERT INTO quarantine (asset, number, since, reason, change) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (asset, number) DO NOTHING",
            self._assets.id_of(name), number, self._now, reason, change,
        )  # fmt: skip

    def quarantined(self, name: AssetName, number: int) -> str | None:
        """Give the reason of the mark, or None where there is none."""
        row = self._rows.one(
            "SELECT reason FROM quarantine WHERE asset = ? AND number = ?", self._assets.id_of(name), number
        )
        return row[0] if row else None

    def quarantined_by(self, change: str) -> Sequence[str]:
        """Give the versions that a change put into quarantine and that are in it still, as `kind/name@number`."""
        rows = self._rows.all("SELECT asset, number FROM quarantine WHERE change = ? ORDER BY asset, number", change)
        return [f"{self._assets.name_of(row[0])}@{row[1]}" for row in rows]

    def lift(self, name: AssetName, number: int) -> None:
        """Take the mark away; only a change that is applied does this."""
        self._rows.do("DELETE FROM quarantine WHERE asset = ? AND number = ?", self._assets.id_of(name), number)

    def delete(self, name: AssetName, number: int) -> None:
        """Mark a version deleted. Raise Invalid while a ref points at it."""
        self.get(name, number)
        asset = self._assets.id_of(name)
        held = self._rows.all("SELECT name FROM refs WHERE asset = ? AND target = ?", asset, number)
        if held:
            refs = ", ".join(f"{name}@{row[0]}" for row in held)
            raise Invalid(
                f"{name}@{number} is current",
                kind="version-in-use",
                hint=f"move {refs} first",
                asset=str(name),
                number=number,
                refs=refs,
            )
        self._rows.do("UPDATE versions SET deleted_at = ? WHERE asset = ? AND number = ?", self._now, asset, number)

    def bury(self, name: AssetName) -> None:
        """Mark every version of an asset deleted, with when it was for those that were before."""
        self._rows.do(
            "UPDATE versions SET deleted_at = ? WHERE asset = ? AND deleted_at IS NULL",
            self._now,
            self._assets.id_of(name),
        )

    def restore(self, name: AssetName, number: int) -> None:
        """Take the mark away. Raise NotFound, Conflict where there is none."""
        asset = self._assets.get(name).id
        found = self.get(name, number)
        if found.deleted_at is None:
            raise not_deleted(str(found))
        self._rows.do("UPDATE versions SET deleted_at = NULL WHERE asset = ? AND number = ?", asset, number)

    def _alive(self, version: Version) -> Version:
        if version.deleted_at is not None:
            raise NotFound(
                f"{version} was deleted",
                kind="version-deleted",
                hint=f"loopline history {version.asset}",
                version=str(version),
            )
        return version

    def _version(self, name: AssetName, row: Row) -> Version:
        parents = self._rows.all(
            "SELECT parent FROM parents WHERE asset = ? AND number = ? ORDER BY parent", row[0], row[1]
        )
        return Version(
            asset=name, number=row[1], artifact=Artifact(row[2], row[3], row[4]), parents=tuple(p[0] for p in parents),
            author=row[5], message=row[6], metadata=json.loads(row[7]), run=row[8], recorded_at=row[9], event_time=row[10],
            quarantined=row[11] is not None, deleted_at=row[12],
        )  # fmt: skip
