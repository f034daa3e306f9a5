"""sparse: parts of large blobs that are far away, in files with holes, each piece held against its sum whenever it is read.

    <folder>/<hex>        the blob as far as it was fetched; the rest are holes
    <folder>/<hex>.sums   the sums of its pieces (`pieces.py`), as the far store has given them

A piece that is not there is zeros, which are not what its sum says; neither is what a killed writer left, or rot. So nothing says
which pieces are there, nothing is locked, and several processes may read and fetch at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Final

from loopline.nouns.digest import Digest
from loopline.store.blobs import corrupt
from loopline.store.pieces import PIECE, Sums, decode

_TOGETHER: Final = 16
"""Pieces that are fetched by one request at most."""

Fetch = Callable[[int, int], Iterator[bytes]]
"""Streams the bytes from one place on, so many of them."""


class Sparse:
    """Parts of blobs below `folder`, which is made when the first is written."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def sums(self, digest: Digest) -> Sums | None:
        """Give the sums of a blob, as far as they are here."""
        ident = bytes.fromhex(digest[7:])
        with contextlib.suppress(OSError), open(f"{self._file(digest)}.sums", "rb", buffering=0) as file:
            return decode(file.readall(), ident)
        return None

    def note(self, digest: Digest, sums: Sums) -> None:
        """Keep the sums of a blob, as far as that goes."""
        with contextlib.suppress(OSError):
            os.makedirs(self.folder, exist_ok=True)
            fresh = f"{self._file(digest)}.{os.getpid()}"
            with open(fresh, "wb") as file:
                file.write(sums.encode())
            os.replace(fresh, f"{self._file(digest)}.sums")

    def range(self, digest: Digest, sums: Sums, start: int, stop: int, fetch: Fetch) -> Iterator[bytes]:
        """Stream a part of a blob, fetching what is not here. Raise Unavailable kind="blob-corrupt" for what has another sum."""
        numbers = list(sums.numbers(start, stop))
        with contextlib.ExitStack() as stack:
            file = self._opened(digest, stack)
            while numbers:
                first, piece = numbers[0], self._kept(file, sums, numbers[0])
                if piece is not None:
                    found = [piece]
                else:
                    lacking = 1
                    while lacking < min(len(numbers), _TOGETHER) and self._kept(file, sums, first + lacking) is None:
                        lacking += 1
                    found = self._fetched(digest, sums, first, lacking, fetch)
                    self._keep(file, first, found)
                for number, data in enumerate(found, first):
                    yield data[max(0, start - number * PIECE) : stop - number * PIECE]
                numbers = numbers[len(found) :]

    def forget(self, digest: Digest) -> None:
        """Remove what is here of a blob: all of it is somewhere else now."""
        for name in (self._file(digest), f"{self._file(digest)}.sums"):
            with contextlib.suppress(OSError):
                os.unlink(name)

    def _fetched(self, digest: Digest, sums: Sums, first: int, many: int, fetch: Fetch) -> list[bytes]:
        start, stop = first * PIECE, min((first + many) * PIECE, sums.size)
        data = b"".join(fetch(start, stop - start))
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        if len(data) != stop - start or not all(
            sums.holds(number, piece) for number, piece in enumerate(pieces, first)
        ):
            raise corrupt(digest, Digest(""), sums.size)
        return pieces

    def _keep(self, file: int | None, first: int, pieces: list[bytes]) -> None:
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk: it is fetched again next time
                os.pwrite(file, b"".join(pieces), first * PIECE)

    def _kept(self, file: int | None, sums: Sums, number: int) -> bytes | None:
        if file is None:
            return None
        try:
            piece = os.pread(file, min(PIECE, sums.size - number * PIECE), number * PIECE)
        except OSError:
            return None
        return piece if sums.holds(number, piece) else None

    def _opened(self, digest: Digest, stack: contextlib.ExitStack) -> int | None:
        try:
            os.makedirs(self.folder, exist_ok=True)
            number = os.open(self._file(digest), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
            os.utime(number)  # the least used go first
        except OSError:
            return None
        stack.callback(os.close, number)
        return number

    def _file(self, digest: Digest) -> str:
        return f"{self.folder}/{digest[7:]}"
