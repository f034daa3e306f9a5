"""idents: sets of digests that may be too many for memory, 32 bytes each, sorted in pieces by way of files.

magic, 8 bytes; the ids, sorted, each once; xxh3-128 of all before it
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self

MAGIC: Final = b"\x89LLIDS\x01\n"
_HELD: Final = 64 << 20
"""Bytes that are held before they go to files."""
_SUM: Final = 16
_PARTS: Final = 256
_READ: Final = 1 << 20


class Idents:
    """A set that is added to first and walked afterwards. One thread uses it; it goes with its block."""

    def __init__(self, folder: Path) -> None:
        self._above = folder
        self._folder: Path | None = None
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._held = 0

    def add(self, ids: bytes) -> None:
        """Add ids, one behind the other; any of them may have been added before."""
        parts = self._parts
        for at in range(0, len(ids), 32):
            parts[ids[at]] += ids[at : at + 32]
        self._held += len(ids)
        if self._held >= _HELD:
            self._spill()

    def part(self, first: int) -> set[bytes]:
        """Give those that begin with a byte."""
        held = bytes(self._parts[first])
        if self._folder is not None:
            file = self._folder / f"{first:02x}"
            held += file.read_bytes() if file.exists() else b""
        return {held[at : at + 32] for at in range(0, len(held), 32)}

    def iter(self) -> Iterator[bytes]:
        """Give all, sorted, each once."""
        for first in range(_PARTS):
            yield from sorted(self.part(first))

    def minus(self, other: Idents) -> Iterator[bytes]:
        """Give those that `other` does not have, sorted."""
        for first in range(_PARTS):
            yield from sorted(self.part(first) - other.part(first))

    def both(self, other: Idents) -> Iterator[bytes]:
        """Give those that `other` has as well, sorted."""
        for first in range(_PARTS):
            yield from sorted(self.part(first) & other.part(first))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _spill(self) -> None:
        if self._folder is None:
            self._above.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="ids-", dir=self._above))
        for first, part in enumerate(self._parts):
            if part:
                with (self._folder / f"{first:02x}").open("ab") as file:
                    file.write(part)
                part.clear()
        self._held = 0


def write_ids(file: Path, ids: Iterable[bytes]) -> int:
    """Write sorted ids to a file that is there whole or not at all. Give how many."""
    import os

    from xxhash import xxh3_128

    file.parent.mkdir(parents=True, exist_ok=True)
    half, state, number, held = file.with_suffix(".half"), xxh3_128(), 0, bytearray(MAGIC)
    with half.open("wb") as out:
        for ident in ids:
            held += ident
            number += 1
            if len(held) >= _READ:
                state.update(held)
                out.write(held)
                held.clear()
        state.update(held)
        out.write(held)
        out.write(state.digest())
        out.flush()
        os.fsync(out.fileno())
    half.replace(file)
    return number


def read_ids(file: Path, into: Idents) -> bool:
    """Add what such a file holds; tell whether it is there and whole. Where it is not, only some may have been added."""
    from xxhash import xxh3_128

    state = xxh3_128()
    try:
        with file.open("rb") as held:
            left = file.stat().st_size - len(MAGIC) - _SUM
            magic = held.read(len(MAGIC))
            if magic != MAGIC or left < 0 or left % 32:
                return False
            state.update(magic)
            while left:
                piece = held.read(min(left, _READ))
                if len(piece) != min(left, _READ):
                    return False
                state.update(piece)
                into.add(piece)
                left -= len(piece)
            return held.read() == state.digest()
    except OSError:
        return False
