"""dvccache: objects into the cache of a repository of DVC, as DVC puts them there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.datasets.dvcobjects import DIR, Summing, listing, place_of, sums_of
from loopline.nouns.digest import Digest
from loopline.store.files import Scratch, drop, write_all, writing

if TYPE_CHECKING:
    from loopline.store.blobs import Blobs

SMALL: Final = 1 << 18
"""Blobs up to this size are read many at once."""
_GROUP: Final = 1024


class Cache:
    """The folder of objects. Each is there whole or not at all; what is there is left as it is. One thread uses it."""

    def __init__(self, folder: str, *, dry: bool = False) -> None:
        self._folder = Path(folder)
        self._dry = dry
        self._scratch = Scratch(str(self._folder / "loopline"), lambda: None)
        self.objects = self.bytes = 0
        """What was written, or would be."""

    def has(self, value: str, size: int) -> bool:
        """Tell whether an object of this size is there. It is DVC's to find out what is in it."""
        try:
            return os.stat(self._file(value)).st_size == size  # noqa: PTH116 - there may be a million
        except OSError:
            return False

    def fill(self, blobs: Blobs, sizes: Mapping[Digest, int]) -> Iterator[dict[str, Digest]]:
        """Read blobs, each once and verified, and put them in; give what they are called there, group by group."""
        small = [one for one, size in sizes.items() if size <= SMALL]
        for start in range(0, len(small), _GROUP):
            yield self._small(blobs, small[start : start + _GROUP])
        for digest, size in sizes.items():
            if size > SMALL:
                yield {self._large(blobs, digest, size): digest}

    def list(self, files: Mapping[str, str]) -> str:
        """Put the list of a folder's files in, md5 by path, and give its hash."""
        data = listing(files)
        value = sums_of(data).md5 + DIR
        self._put(value, data)
        return value

    def close(self) -> None:
        """Leave no folder of ours behind."""
        with contextlib.suppress(OSError):  # somebody else is writing
            Path(self._scratch.folder).rmdir()

    def _small(self, blobs: Blobs, digests: Sequence[Digest]) -> dict[str, Digest]:
        found = {}
        for digest, data in blobs.read_all(digests):
            value = sums_of(data).md5
            self._put(value, data)
            found[value] = digest
        return found

    def _large(self, blobs: Blobs, digest: Digest, size: int) -> str:
        summing = Summing()
        with writing(self._folder):
            number, name = self._scratch.make()
            try:
                for chunk in blobs.get(digest):
                    write_all(number, chunk)
                    summing.update(chunk)
                self._place(number, name, summing.md5, size)
            finally:
                drop(number, name)
        return summing.md5

    def _put(self, value: str, data: bytes) -> None:
        if self.has(value, len(data)):
            return
        if self._dry:
            self._count(len(data))
            return
        with writing(self._folder):
            number, name = self._scratch.make()
            try:
                write_all(number, data)
                self._place(number, name, value, len(data))
            finally:
                drop(number, name)

    def _place(self, number: int, name: str, value: str, size: int) -> None:
        """Give a file its name. DVC protects what is there against writing, and so do we."""
        target, made = self._file(value), Path(name)
        os.fchmod(number, 0o444)
        try:
            made.rename(target)
        except FileNotFoundError:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            made.rename(target)
        self._count(size)

    def _count(self, size: int) -> None:
        self.objects, self.bytes = self.objects + 1, self.bytes + size

    def _file(self, value: str) -> str:
        return f"{self._folder}/{place_of(value)}"
