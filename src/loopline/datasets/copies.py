"""copies: blobs written to files, each verified, with the mode and the time that it is to have."""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from loopline.datasets.blocks import Stamp
from loopline.datasets.near import SMALL
from loopline.datasets.scan import stamp_of
from loopline.datasets.unwritable import failed
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.behind import Behind
from loopline.store.blobs import reopens
from loopline.store.files import write_all
from loopline.store.links import links_of
from loopline.store.pieces import LARGE

FICLONE: Final = 0x40049409
"""ioctl of Linux that shares a file's extents with another (ioctl_ficlone(2)): btrfs, XFS, bcachefs."""
SHARED: Final = 32 << 10
"""Extents of a file up to this size are not shared: to look for it costs what writing it does."""
PLAIN: Final = 0o644
"""Mode of an entry that a file of a store can stand for."""
_MAKE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
Group = list[tuple[Entry, str]]
"""Entries that are written together, with the file of each."""


class Source(Protocol):
    """What taking files needs of a blob store. Several threads call it at once."""

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, its last chunk verified."""

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give many small blobs, each once and verified."""

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob, verified."""

    def path(self, digest: Digest) -> Path | None:
        """Give a local file with its bytes."""


class Copies:
    """Writes blobs to files. Whether extents can be shared is found out by doing it, once for a store and a folder.

    With `link`, where that cannot be, a file that is not executable becomes a hard link to the blob's, where that has its own.
    """

    def __init__(self, blobs: Source, *, mtime: int, link: bool = False) -> None:
        self._blobs = blobs
        self._mtime = mtime
        self._shares = True
        self._probed = False
        self._links = links_of(blobs) if link else None
        self.linked: list[int] = []
        """Sizes of the files that were linked. One that is written in another folder meanwhile has a time that proves nothing."""

    @property
    def crosses(self) -> bool:
        """Whether a copy of this may write in another process. Not where it makes links: it is this one that counts them."""
        return self._links is None and reopens(self._blobs)

    def __reduce__(self) -> tuple[partial[Copies], tuple[Source]]:
        """Write the same in another process, where it `crosses`."""
        return partial(Copies, mtime=self._mtime), (self._blobs,)

    def write_group(self, group: Group) -> list[Stamp]:
        """Write the files of a group; many small ones in the order in which their bytes come."""
        stamps: dict[int, Stamp] = {}
        places: dict[Digest, list[int]] = {}
        for number, (entry, file) in enumerate(group):
            asked = self._may_share(entry) or self._may_link(entry)
            if entry.size <= SMALL and not (asked and self._blobs.path(entry.digest)):
                places.setdefault(entry.digest, []).append(number)
            else:
                stamps[number] = self._write(entry, file, None)
        for digest, data in self._blobs.read_all(places):
            for number in places[digest]:
                stamps[number] = self._write(*group[number], data)
        return [stamps[number] for number in range(len(group))]

    def _write(self, entry: Entry, file: str, data: bytes | None) -> Stamp:
        try:
            if data is None and self._may_link(entry) and (linked := self._link(entry, file)):
                return linked
            number = os.open(file, _MAKE, entry.mode)
            try:
                if data is not None:
                    write_all(number, data)
                else:
                    self._fill(entry, number)
                os.utime(number, ns=(self._mtime, self._mtime))
                stamp = stamp_of(os.fstat(number))
            finally:
                os.close(number)
        except OSError as error:
            raise failed(entry.path, error) from error
        if stamp.size != entry.size:
            raise Unavailable(
                f"{entry.path} has another size than its tree says",
                kind="tree-corrupt",
                hint="run `loopline verify` to see what it affects",
                path=entry.path,
                digest=entry.digest,
                size=entry.size,
            )
        return stamp

    def _fill(self, entry: Entry, number: int) -> None:
        """Write a blob, or share it: read it in any case, so that it is verified."""
        if self._may_share(entry) and self._share(entry.digest, number):
            deque(self._chunks(entry), maxlen=0)
        elif entry.size <= LARGE:
            for chunk in self._chunks(entry):
                write_all(number, chunk)
        else:
            with Behind(partial(write_all, number)) as behind:
                for chunk in self._chunks(entry):
                    behind.take(chunk)

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """Stream a blob: a large one that lies here by the sums of its pieces, which cost less than its digest."""
        if entry.size > LARGE and self._blobs.path(entry.digest) is not None:
            return self._blobs.range(entry.digest, 0, entry.size + 1)  # one more, so that a longer one is found out
        return self._blobs.get(entry.digest)

    def _may_share(self, entry: Entry) -> bool:
        return self._shares and entry.size > SHARED

    def _may_link(self, entry: Entry) -> bool:
        return self._links is not None and entry.mode == PLAIN and entry.size > self._links.above

    def _link(self, entry: Entry, file: str) -> Stamp | None:
        """Make `file` a link to the store's, unless extents can be shared; None where it is to be written as any other."""
        if self._shares and not self._probed:
            number = os.open(file, _MAKE, entry.mode)
            try:
                self._probed = self._share(entry.digest, number)
            finally:
                os.close(number)
                os.unlink(file)
        status = None if self._shares or self._links is None else self._links.link(entry.digest, file)
        if status is None or status.st_size != entry.size:
            if status is not None:
                os.unlink(file)
            return None
        self.linked.append(entry.size)
        return stamp_of(status)

    def _share(self, digest: Digest, number: int) -> bool:
        path = self._blobs.path(digest)
        if path is None:
            return False
        try:
            source = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.ioctl(number, FICLONE, source)
        except OSError:
            self._shares = False
            return False
        finally:
            os.close(source)
        return True
