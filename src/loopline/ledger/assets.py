"""assets: names with a history, and the artifacts they are made of (tables assets, artifacts, aliases)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.artifact import BYTES, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.store.database import Rows

_FEW: Final = 500
"""Names that are looked up at once."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A name, and how far its numbering has come."""

    id: int
    name: AssetName
    last_number: int
    description: str
    created_at: int
    deleted_at: int | None

    @property
    def subject(self) -> str:
        """What its tags are filed under."""
        return f"asset/{self.id}"


def not_deleted(what: str) -> Conflict:
    """Say that nothing of this name was deleted."""
    return Conflict(f"{what} was not deleted", kind="not-deleted", hint=f"loopline show {what}", found=what)


class Assets:
    """The assets of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now
        self._ids: dict[AssetName, int] = {}
        self._ensured: set[AssetName] = set()
        """Those that are there; of the others only the id is known."""

    def find(self, name: AssetName, *, deleted: bool = False) -> Asset | None:
        """Look one up; deleted ones only if asked for."""
        row = self._rows.one(
            "SELECT id, last_number, description, created_at, deleted_at FROM assets WHERE project = ? AND kind = ? AND name = ?",
            name.project, name.kind, name.name,
        )  # fmt: skip
        if row is None or (row[4] is not None and not deleted):
            return None
        return Asset(row[0], name, row[1], row[2], row[3], row[4])

    def get(self, name: AssetName) -> Asset:
        """Look one up. Raise NotFound with near names."""
        asset = self.find(name)
        if asset is None:
            from difflib import get_close_matches

            others = [str(other.name) for other in self.list(name.project, limit=1000)]
            near = get_close_matches(str(name), others, n=1)
            hint = f"did you mean {near[0]}?" if near else "loopline ls"
            raise NotFound(f"there is no {name}", kind="no-asset", hint=hint, asset=str(name), project=name.project)
        return asset

    def ensure(self, name: AssetName) -> int:
        """Give its id, creating it where it is missing and reviving it where it was deleted."""
        if name in self._ensured:
            return self._ids[name]
        row = self._rows.one(
            "INSERT INTO assets (project, kind, name, created_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (project, kind, name) DO UPDATE SET deleted_at = NULL RETURNING id",
            name.project, name.kind, name.name, self._now,
        )  # fmt: skip
        self._ids[name] = number = int(row[0]) if row else 0
        self._ensured.add(name)
        return number

    def renew(self, name: AssetName, created_at: int | None = None) -> None:
        """Begin an asset: a new one, or one that was deleted, as if it had never been described. Its numbers go on."""
        self._rows.do(
            "UPDATE assets SET deleted_at = NULL, description = '', created_at = ? WHERE id = ?",
            created_at or self._now,
            self.ensure(name),
        )

    def id_of(self, name: AssetName) -> int | None:
        """Give its id, deleted or not; None where it never was."""
        if name not in self._ids:
            row = self._rows.one(
                "SELECT id FROM assets WHERE project = ? AND kind = ? AND name = ?", name.project, name.kind, name.name
            )
            if row is None:
                return None
            self._ids[name] = row[0]
        return self._ids[name]

    def name_of(self, number: int) -> AssetName:
        """Give the name behind an id."""
        for name, known in self._ids.items():
            if known == number:
                return name
        row = self._rows.one("SELECT project, kind, name FROM assets WHERE id = ?", number)
        if row is None:
            raise NotFound("an asset is missing from the ledger", kind="no-asset", hint="loopline verify", id=number)
        name = AssetName(*row)
        self._ids[name] = number
        return name

    def list(self, project: str, *, kind: str = "", after: str = "", limit: int = 100) -> Sequence[Asset]:
        """Give them sorted by kind and name; `after` is a `kind/name` to go on from."""
        rows = self._rows.all(
            "SELECT id, kind, name, last_number, description, created_at FROM assets"
            " WHERE project = ? AND deleted_at IS NULL AND (? = '' OR kind = ?) AND kind || '/' || name > ?"
            " ORDER BY kind || '/' || name LIMIT ?",
            project, kind, kind, after, limit,
        )  # fmt: skip
        return [Asset(r[0], AssetName(project, r[1], r[2]), r[3], r[4], r[5], None) for r in rows]

    def count(self, project: str) -> int:
        """Count the assets of a project."""
        row = self._rows.one("SELECT COUNT(*) FROM assets WHERE project = ? AND deleted_at IS NULL", project)
        return int(row[0]) if row else 0

    def delete(self, name: AssetName) -> None:
        """Mark it deleted. Its history stays; its name can be used again and goes on counting."""
        asset = self.get(name)
        self._rows.do("UPDATE assets SET deleted_at = ? WHERE id = ?", self._now, asset.id)
        self._ensured.discard(name)

    def restore(self, name: AssetName) -> None:
        """Take the mark away: what it hid is there again. Raise NotFound, Conflict where there is no mark."""
        asset = self.find(name, deleted=True) or self.get(name)
        if asset.deleted_at is None:
            raise not_deleted(str(name))
        self._rows.do("UPDATE assets SET deleted_at = NULL WHERE id = ?", asset.id)

    def tell(self, name: AssetName, text: str) -> None:
        """Say what an asset is, in place of what was said. Raise NotFound."""
        self._rows.do("UPDATE assets SET description = ? WHERE id = ?", text, self.get(name).id)

    def rename(self, name: AssetName, other: AssetName) -> None:
        """Give an asset another name, under which all of its history stands then. Raise NotFound, Conflict where it is taken."""
        asset = self.get(name)
        there = self.find(other, deleted=True) if other != name else None
        if there is not None:
            raise Conflict(
                f"{other} is already there", kind="asset-exists", hint="take another name", asset=str(other),
                deleted=there.deleted_at is not None,
            )  # fmt: skip
        self._rows.do("UPDATE assets SET kind = ?, name = ? WHERE id = ?", other.kind, other.name, asset.id)
        self._ids.clear()
        self._ensured.clear()

    def describe(self, artifact: Artifact) -> None:
        """Write a descriptor down. The first description of a digest stays, unless it said no more than that it is bytes."""
        self._rows.do(
            "INSERT INTO artifacts (digest, media_type, size, recorded_at) VALUES (?, ?, ?, ?) ON CONFLICT (digest)"
            " DO UPDATE SET media_type = excluded.media_type WHERE artifacts.media_type = ?",
            artifact.digest, artifact.media_type, artifact.size, self._now, BYTES,
        )  # fmt: skip

    def artifact(self, digest: Digest) -> Artifact | None:
        """Look a descriptor up."""
        row = self._rows.one("SELECT media_type, size FROM artifacts WHERE digest = ?", digest)
        return Artifact(digest, row[0], row[1]) if row else None

    def alias(self, algorithm: str, value: str, digest: Digest) -> None:
        """Write down another name for the same bytes: md5 for S3 and DVC clients, sha512 for OCI."""
        self.aliases(algorithm, {value: digest})

    def by_alias(self, algorithm: str, value: str) -> Digest | None:
        """Look up what another algorithm calls `value`."""
        row = self._rows.one("SELECT digest FROM aliases WHERE algorithm = ? AND value = ?", algorithm, value)
        return Digest(row[0]) if row else None

    def by_aliases(self, algorithm: str, values: Iterable[str]) -> dict[str, Digest]:
        """Look up what another algorithm calls each of many; what nobody has told is left out."""
        wanted, found = sorted(set(values)), dict[str, Digest]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            rows = self._rows.all(
                f"SELECT value, digest FROM aliases WHERE algorithm = ? AND value IN ({marks})", algorithm, *few
            )
            found.update((value, Digest(digest)) for value, digest in rows)
        return found

    def aliases(self, algorithm: str, named: Mapping[str, Digest]) -> None:
        """Write down another name for each of many bytes."""
        self._rows.many(
            "INSERT INTO aliases (algorithm, value, digest) VALUES (?, ?, ?)"
            " ON CONFLICT (algorithm, value) DO UPDATE SET digest = excluded.digest",
            [(algorithm, value, digest) for value, digest in sorted(named.items())],
        )
