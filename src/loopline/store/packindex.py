"""packindex: where each blob of a pack lies, as bytes that are searched where they are mapped.

    magic, 8 bytes; bits, count (two uint32); size of the pack (uint64)
    fan-out: 2^bits + 1 uint32, how many ids lie before each bucket; a bucket is told by the first bits of an id
    ids, 32 bytes each, sorted
    places: offset and length of each, in the order of the ids (two uint32)
    xxh3-128 of all before it

All numbers are little-endian. What is in an index can be made again from its pack.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from typing import Final

from loopline.store.files import open_file

MAGIC: Final = b"\x89LLPIX\x01\n"
_HEAD: Final = struct.Struct("<8sIIQ")
_TWO: Final = struct.Struct("<II")
_SUM: Final = 16
READ: Final = 256 << 10
"""Up to so many bytes an index is read; a larger one is mapped, which costs an open file while it is in use."""
_MOST_BITS: Final = 16
_IN_BUCKET: Final = 8
"""Ids of a bucket, about."""


class PackIndex:
    """One index. It is searched without being read as a whole; `sound` reads it as a whole."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        """Take the bytes. Raise ValueError where they cannot be an index."""
        if len(data) < _HEAD.size + _SUM:
            msg = "too short"
            raise ValueError(msg)
        magic, self._bits, self.count, self.size = _HEAD.unpack_from(data)
        self._ids = _HEAD.size + 4 * ((1 << min(self._bits, _MOST_BITS)) + 1)
        self._places = self._ids + 32 * self.count
        if magic != MAGIC or self._bits > _MOST_BITS or len(data) != self._places + 8 * self.count + _SUM:
            msg = "no index of a pack"
            raise ValueError(msg)
        self._data = data
        self._shift = _MOST_BITS - self._bits

    def find(self, ident: bytes) -> tuple[int, int] | None:
        """Give offset and length of a blob, by its 32 bytes."""
        data = self._data
        bucket = (ident[0] << 8 | ident[1]) >> self._shift
        low, high = _TWO.unpack_from(data, _HEAD.size + 4 * bucket)
        if not low < high <= self.count:
            return None
        start = self._ids + 32 * low
        found = data.find(ident, start, self._ids + 32 * high)
        while found >= 0 and (found - self._ids) % 32:  # by chance it may lie across two ids
            found = data.find(ident, found + 1, self._ids + 32 * high)
        if found < 0:
            return None
        place: tuple[int, int] = _TWO.unpack_from(data, self._places + (found - self._ids) // 4)
        return place

    def ids(self) -> Iterator[bytes]:
        """Give all ids, sorted."""
        held = self._data[self._ids : self._places]
        return (held[at : at + 32] for at in range(0, len(held), 32))

    def sound(self) -> bool:
        """Tell whether all of it is as it was written."""
        return _sum_of(memoryview(self._data)[:-_SUM]) == self._data[-_SUM:]


def open_index(file: str) -> PackIndex:
    """Open an index. Raise FileNotFoundError, and ValueError where it is damaged so that it cannot be searched."""
    number = open_file(file)
    try:
        size = os.fstat(number).st_size
        return PackIndex(mapped(number, size) if size > READ else os.pread(number, size, 0))
    finally:
        os.close(number)


def mapped(number: int, size: int) -> mmap.mmap:
    """Map a file that is open, to be read; its descriptor may be closed afterwards."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(number, size, prot=mmap.PROT_READ, trackfd=False)
    return mmap.mmap(number, size, prot=mmap.PROT_READ)  # it keeps a descriptor of its own


def encode(places: Mapping[bytes, tuple[int, int]], size: int) -> bytes:
    """Write an index of ids and their offsets and lengths, of a pack of so many bytes."""
    ids = sorted(places)
    bits = min(_MOST_BITS, max(0, (len(ids) // _IN_BUCKET).bit_length()))
    shift = _MOST_BITS - bits
    counts = [0] * ((1 << bits) + 1)
    for ident in ids:
        counts[((ident[0] << 8 | ident[1]) >> shift) + 1] += 1
    for before, here in pairwise(range(len(counts))):
        counts[here] += counts[before]
    body = b"".join((
        _HEAD.pack(MAGIC, bits, len(ids), size),
        struct.pack(f"<{len(counts)}I", *counts),
        *ids,
        struct.pack(f"<{2 * len(ids)}I", *chain.from_iterable(map(places.__getitem__, ids))),
    ))  # fmt: skip
    return body + _sum_of(body)


def _sum_of(data: bytes | memoryview) -> bytes:
    from xxhash import xxh3_128_digest

    return xxh3_128_digest(data)
