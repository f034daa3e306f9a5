"""opened: one file of a version as a file object. What is read was verified before; nothing is fetched until it is read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WHOLE: Final = 8 << 20
"""A file up to this size is read as a whole, by its digest; of a larger one, pieces are held against their sums."""
PIECE: Final = 1 << 20
AHEAD: Final = 8 << 20
"""What is read ahead at most, by somebody who reads on and on."""


class Ranges(Protocol):
    """A store as far as a file object needs it."""

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob, verified."""

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob, each piece verified."""


class Opened(io.RawIOBase):
    """The bytes of a blob, for one thread at a time. No descriptor is held, so a child of a fork reads on its own.

    Who reads on where the last read ended gets twice as much ahead each time; who jumps gets a piece.
    """

    mode = "rb"

    def __init__(self, blobs: Ranges, digest: Digest, size: int, *, name: str) -> None:
        super().__init__()
        self.name = name
        self.size = size
        self.blobs = blobs
        self._digest = digest
        self._at = 0
        self._start = 0
        self._held = b""
        self._ahead = PIECE

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere; behind the end there is nothing."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}.get(whence)
        if base is None:
            raise ValueError(f"whence cannot be {whence}")
        if base + offset < 0:
            raise OSError(22, "a file has no bytes in front of its first", self.name)
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read what is at hand, or a window that is fetched now."""
        into = memoryview(buffer).cast("B")
        if not len(into) or self._at >= self.size:
            return 0
        if not self._start <= self._at < self._start + len(self._held):
            self._fetch(len(into))
        first = self._at - self._start
        piece = memoryview(self._held)[first : first + len(into)]
        into[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def readall(self) -> bytes:
        """Read the rest in one go."""
        if self._at >= self.size:
            return b""
        if self.size <= WHOLE:
            self._fetch(self.size)
            data = self._held[self._at :]
        else:
            data = b"".join(self.blobs.range(self._digest, self._at, self.size - self._at))
        self._at += len(data)
        return data

    def buffered(self) -> Reader:
        """Give it as `open` does."""
        return Reader(self)

    def _fetch(self, wanted: int) -> None:
        if self.size <= WHOLE:
            if not self._held:
                self._start, self._held = 0, self.blobs.read(self._digest)
            return
        on = self._at == self._start + len(self._held)
        self._ahead = min(self._ahead * 2, AHEAD) if on and self._held else PIECE
        start = self._at - self._at % PIECE if not on else self._at
        length = max(self._ahead, min(wanted, AHEAD) + self._at - start)
        self._start, self._held = start, b"".join(self.blobs.range(self._digest, start, length))


class Reader(io.BufferedReader):
    """What `open` gives for bytes: an ordinary file object that also knows its size."""

    raw: Opened

    def __init__(self, raw: Opened) -> None:
        super().__init__(raw, 64 << 10)
        self.size = raw.size
