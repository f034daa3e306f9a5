"""pieces: sums of each MiB of a large blob, so that a part of it can be read and held against what was once verified.

    magic, 8 bytes; sha256 of the blob, 32 bytes; its size (uint64)
    xxh3-128 of each piece of a MiB, 16 bytes each; the last piece may be shorter
    xxh3-128 of all before it

The sums find rot. Somebody who can write to the store can forge them, which is why a whole read goes by sha256. They can be
made again from the blob at any time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from xxhash import xxh3_128, xxh3_128_digest

MAGIC: Final = b"\x89LLSUM\x01\n"
PIECE: Final = 1 << 20
LARGE: Final = 8 << 20
"""Blobs above this size have sums; the others are read as a whole."""
_HEAD: Final = struct.Struct("<8s32sQ")
_SUM: Final = 16


class Summing:
    """Sums that are made while a blob passes by, in whatever chunks."""

    def __init__(self) -> None:
        self._state = xxh3_128()
        self._room = PIECE
        self._sums: list[bytes] = []
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        view = memoryview(chunk)
        self.size += len(view)
        while view:
            part = view[: self._room]
            self._state.update(part)
            self._room -= len(part)
            view = view[len(part) :]
            if not self._room:
                self._close()

    def sums(self, ident: bytes) -> Sums:
        """Give the sums of what has passed, whose sha256 the caller has found out."""
        if self._room < PIECE:
            self._close()
        return Sums(ident, self.size, b"".join(self._sums))

    def _close(self) -> None:
        self._sums.append(self._state.digest())
        self._state.reset()
        self._room = PIECE


class Sums:
    """The sums of one blob."""

    def __init__(self, ident: bytes, size: int, sums: bytes) -> None:
        self.ident = ident
        self.size = size
        self._sums = sums

    def holds(self, number: int, piece: bytes | memoryview) -> bool:
        """Tell whether these are the bytes of the piece with this number, counted from 0."""
        return xxh3_128_digest(piece) == self._sums[_SUM * number : _SUM * (number + 1)]

    def numbers(self, start: int, stop: int) -> Iterator[int]:
        """Give the numbers of the pieces in which the bytes from `start` to `stop` lie."""
        return iter(range(start // PIECE, -(-min(stop, self.size) // PIECE)))

    def encode(self) -> bytes:
        """Write them."""
        body = _HEAD.pack(MAGIC, self.ident, self.size) + self._sums
        return body + xxh3_128_digest(body)


def decode(data: bytes, ident: bytes) -> Sums | None:
    """Read the sums of a blob; None for what is damaged, of another blob or of another format."""
    if len(data) < _HEAD.size + _SUM or xxh3_128_digest(memoryview(data)[:-_SUM]) != data[-_SUM:]:
        return None
    magic, found, size = _HEAD.unpack_from(data)
    sums = data[_HEAD.size : -_SUM]
    if magic != MAGIC or found != ident or len(sums) != _SUM * -(-size // PIECE):
        return None
    return Sums(ident, size, sums)
