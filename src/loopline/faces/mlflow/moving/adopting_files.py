"""adopting_files: files of runs and logged models, read once each: kept, or held against what is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Final

from loopline.datasets.path import check_path
from loopline.errors import Invalid, NotFound, Refused, Unavailable
from loopline.faces.mlflow.moving.places import origin_of
from loopline.faces.mlflow.moving.sums import Sums
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.owner import Owner
from loopline.nouns.progress import Progress
from loopline.store.sources import Changed
from loopline.verbs.filing import seal, view
from loopline.verbs.staging import stage_all, written

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import File, Folder, Store, Told
    from loopline.loop import Loop
    from loopline.nouns.entry import Entry

SMALL: Final = 1 << 18
"""Bytes up to which files are kept many behind one durability barrier."""
_GROUP: Final = 16 << 20
_ODD: Final = (Changed, NotFound, Unavailable, Refused, OSError)
"""What may become of one file while others can be read."""


@dataclass(frozen=True, slots=True)
class Read:
    """A file whose bytes were read."""

    path: str
    digest: Digest
    size: int


class Files:
    """Takes files, and sums them: as they were read there, and as the ledger has them afterwards."""

    def __init__(self, loop: Loop, store: Store, left: Left) -> None:
        self._loop, self._store, self._left = loop, store, left
        self.there, self.here = Sums(), Sums()
        self._bytes = 0

    def of_run(self, told: Told, run: str) -> None:
        """Take the files of a run, and seal them where it is over."""
        folder = self.folder(told.location) if told.location else None
        if folder is None:
            return
        owner = Owner(self._loop.project, "run", run)
        if self._loop.ledger.dry:
            self.look(owner, folder)
            return
        if self.take(owner, folder):
            with self._loop.ledger.read() as tx:
                over = tx.runs.get(run).state.over
            if over:
                seal(self._loop, owner)

    def folder(self, location: str) -> Folder | None:
        """Open a folder; say so where that cannot be."""
        found = self._store.folder(location)
        if found is None:
            why = "their place is not read unless it is named: add --artifacts FOLDER, or s3://…"
            self._left.out("folders of files", why, origin_of(location))
        return found

    def take(self, owner: Owner, folder: Folder, *, frozen: bool = False) -> bool:
        """Take all files below a folder into an owner, unless it is frozen; count both sides. Tell whether any was new."""
        here = self._here(owner)
        reads = list(self.read(owner.key, folder, here))
        rows = (
            []
            if frozen
            else [written(one.path, one.digest, one.size) for one in reads if _other(one, here.get(one.path))]
        )
        if rows:
            with self._loop.ledger.telemetry() as tx:
                tx.holdings.add(self._loop.project, sorted({one.entry.digest for one in rows if one.entry}))
            stage_all(self._loop, owner, rows)
            here = self._here(owner)
        for one in reads:
            if (entry := here.get(one.path)) is not None:
                self.here.row("files", owner.key, one.path, entry.digest)
                self.here.bytes(entry.size)
        return bool(rows)

    def look(self, owner: Owner, folder: Folder) -> None:
        """Count what there is to take, and what of it is here, without reading it."""
        here = self._here(owner)
        for file in self._listed(owner.key, folder):
            entry = here.get(file.path)
            self.there.row("files", owner.key, file.path)
            self.there.bytes(file.size or 0)
            if entry is not None and file.size in (None, entry.size):
                self.here.row("files", owner.key, file.path)
                self.here.bytes(entry.size)

    def _here(self, owner: Owner) -> dict[str, Entry]:
        return {one.path: one.entry for one in view(self._loop, owner).iter() if not one.path.endswith("/")}

    def taken(self, folder: Folder) -> list[Read]:
        """Keep the bytes of all files below a folder that is of no owner, and count none of them."""
        return list(self.read("", folder, {}))

    def read(self, owner: str, folder: Folder, here: dict[str, Entry]) -> Iterator[Read]:
        """Read all files below a folder, keep their bytes, and count them under an owner."""
        group: list[tuple[str, bytes]] = []
        size = 0
        for file in self._listed(owner, folder):
            try:
                chunks = folder.read(file.path)
                data, rest = _first(chunks)
                if rest is None:
                    group.append((file.path, data))
                    size += len(data)
                else:
                    yield self._counted(owner, self._large(file, chain([data, rest], chunks), here.get(file.path)))
            except _ODD as error:
                self._left.out("files", f"they cannot be read: {_why(error)}", f"{owner}/{file.path}")
            if size >= _GROUP:
                yield from self._small(owner, group, here)
                group, size = [], 0
        yield from self._small(owner, group, here)

    def _listed(self, owner: str, folder: Folder) -> Iterator[File]:
        try:
            for file in folder.list():
                try:
                    check_path(file.path)
                except Invalid as error:
                    self._left.out("files", f"no path here: {error.message}", f"{owner}/{file.path}")
                else:
                    yield file
        except _ODD as error:
            self._left.out("folders of files", f"they cannot be read: {_why(error)}", owner)

    def _small(self, owner: str, group: list[tuple[str, bytes]], here: dict[str, Entry]) -> Iterator[Read]:
        reads = [Read(path, digest_of(data), len(data)) for path, data in group]
        fresh = [data for read, (_, data) in zip(reads, group, strict=True) if _other(read, here.get(read.path))]
        if fresh:
            self._loop.blobs.put_all(fresh)
        yield from (self._counted(owner, read) for read in reads)

    def _large(self, file: File, chunks: Iterator[bytes], here: Entry | None) -> Read:
        state, size = sha256(), 0
        with self._loop.blobs.writer() as writer:
            for chunk in chunks:
                state.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            digest = Digest(f"sha256:{state.hexdigest()}")
            if here is None or here.digest != digest:
                writer.commit()
        return Read(file.path, digest, size)

    def _counted(self, owner: str, read: Read) -> Read:
        if owner:
            self.there.row("files", owner, read.path, read.digest)
            self.there.bytes(read.size)
        self._bytes += read.size
        self._loop.report(Progress("adopt files", self._bytes, None, "B"))
        return read


def _first(chunks: Iterator[bytes]) -> tuple[bytes, bytes | None]:
    """Read up to what counts as small; the second is what came beyond, None where that was all."""
    data = b""
    for chunk in chunks:
        if len(data) + len(chunk) > SMALL:
            return data, chunk
        data += chunk
    return data, None


def _other(read: Read, here: Entry | None) -> bool:
    return here is None or here.digest != read.digest


def _why(error: Exception) -> str:
    return str(getattr(error, "why", "") or getattr(error, "message", "") or error)
