"""pack: many small blobs one behind the other in one file, written once.

    magic, 8 bytes
    records: length (uint32), sha256 (32 bytes), codec (one byte, 0: as they are), the bytes
    footer: magic, 8 bytes; where the records end (uint64)

All numbers are little-endian. Its index (`packindex.py`) says what is in it; a pack can be read without it, record by record.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from loopline.errors import Unavailable
from loopline.store import packindex
from loopline.store.files import Scratch, drop, sync, sync_folder

MAGIC: Final = b"\x89LLPAK\x01\n"
END: Final = b"\x89LLEND\x01\n"
PLAIN: Final = 0
"""Codec of bytes that are kept as they are; no other is written yet."""
_RECORD: Final = struct.Struct("<I32sB")
_FOOTER: Final = struct.Struct("<8sQ")
_VERSION: Final = 6
"""Where the version stands in the magic."""
_AT_ONCE: Final = 500
"""Records of one write: each takes two of the 1,024 pieces that the system allows (`IOV_MAX`)."""


class Packing:
    """A pack that is being written, for one thread. It can be seen when it is sealed."""

    def __init__(self, scratch: Scratch, folder: str, name: str) -> None:
        self._scratch = scratch
        self._folder = folder
        self._name = name
        self._places: dict[bytes, tuple[int, int]] = {}
        self._number, self._file = scratch.make()
        self.size = len(MAGIC)
        try:
            _write_at(self._number, [MAGIC], 0, self.size)
        except BaseException:
            self.drop()
            raise

    def add(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Append blobs, each with its 32 bytes. What fails halfway is written over by what comes next."""
        for start in range(0, len(records), _AT_ONCE):
            at, places, pieces = self.size, dict[bytes, tuple[int, int]](), list[bytes]()
            for ident, data in records[start : start + _AT_ONCE]:
                length = len(data)
                pieces += (_RECORD.pack(length, ident, PLAIN), data)
                at += _RECORD.size
                places[ident] = (at, length)
                at += length
            _write_at(self._number, pieces, self.size, at - self.size)
            self._places |= places
            self.size = at

    def seal(self) -> None:
        """Make it durable, then its index, by which it is there."""
        pack, index = (os.path.join(self._folder, self._name + end) for end in (".pack", ".idx"))
        named = seen = False
        try:
            footer = _FOOTER.pack(END, self.size)
            _write_at(self._number, [footer], self.size, len(footer))
            os.ftruncate(self._number, self.size + len(footer))
            os.fchmod(self._number, 0o444)
            sync([self._number])
            os.rename(self._file, pack)
            named = True
            self._scratch.place(packindex.encode(self._places, self.size + len(footer)), index)
            seen = True
            sync_folder(self._folder)
        finally:
            self._file = pack if named and not seen else self._file
            self.drop()

    def drop(self) -> None:
        """Discard it, unless it was sealed."""
        number, self._number = self._number, -1
        if number >= 0:
            drop(number, self._file)


def packed(blobs: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, dict[bytes, tuple[int, int]]]:
    """Give the bytes of a whole pack of blobs, each with its 32 bytes, and offset and length of each."""
    pieces, places, at = [MAGIC], dict[bytes, tuple[int, int]](), len(MAGIC)
    for ident, data in blobs:
        pieces += [_RECORD.pack(len(data), ident, PLAIN), data]
        places[ident] = (at + _RECORD.size, len(data))
        at += _RECORD.size + len(data)
    pieces.append(_FOOTER.pack(END, at))
    return b"".join(pieces), places


def scan(number: int) -> dict[bytes, tuple[int, int]]:
    """Find what is in a pack by reading it record by record, up to where it is damaged."""
    size = os.fstat(number).st_size
    magic = os.pread(number, len(MAGIC), 0)
    if magic[:_VERSION] == MAGIC[:_VERSION] and magic[_VERSION:] != MAGIC[_VERSION:]:
        raise Unavailable(
            f"a pack of the store has format {magic[_VERSION]}, newer than this Loopline",
            kind="store-newer",
            hint="install a newer Loopline",
            version=magic[_VERSION],
        )
    footer = os.pread(number, _FOOTER.size, max(0, size - _FOOTER.size))
    if len(footer) == _FOOTER.size and footer.startswith(END):
        size -= _FOOTER.size
    places: dict[bytes, tuple[int, int]] = {}
    at = len(MAGIC)
    while len(head := os.pread(number, _RECORD.size, at)) == _RECORD.size:
        length, ident, codec = _RECORD.unpack(head)
        at += _RECORD.size
        if codec != PLAIN or at + length > size:
            break
        places[ident] = (at, length)
        at += length
    return places


def _write_at(number: int, pieces: list[bytes], at: int, size: int) -> None:
    done = os.pwritev(number, pieces, at) if hasattr(os, "pwritev") else 0
    if done < size:  # a signal, or nearly no room: the next try says which
        rest = memoryview(b"".join(pieces))[done:]
        while rest:
            written = os.pwrite(number, rest, at + done)
            done, rest = done + written, rest[written:]
