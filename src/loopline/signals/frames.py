"""frames: records one after the other in a file that may end, or be damaged, anywhere.

A frame is a mark, the length and the crc32 of what follows, and that. Whatever is not a whole frame is given as damaged, and
reading goes on at the next mark behind which a frame is whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

MARK: Final = b"\xf5\x1cLe"
"""No UTF-8 text holds it."""
HEAD: Final = struct.Struct("<4sII")
LARGEST: Final = 256 << 20
"""Bytes of one frame; a length beyond it is damage."""


def framed(data: bytes) -> bytes:
    """Give the frame of some bytes."""
    return HEAD.pack(MARK, len(data), zlib.crc32(data)) + data


def frames(data: bytes | memoryview) -> Iterator[tuple[bool, bytes]]:
    """Give what is in a file: (True, content of a frame) or (False, damaged bytes), in order; together they are all of it."""
    view, whole, at = memoryview(data), bytes(data) if not isinstance(data, bytes) else data, 0
    while at < len(whole):
        end = _end_of(view, at)
        if end:
            yield True, whole[at + HEAD.size : end]
            at = end
            continue
        after = at + 1
        while (after := whole.find(MARK, after)) >= 0 and not _end_of(view, after):
            after += 1
        stop = len(whole) if after < 0 else after
        yield False, whole[at:stop]
        at = stop


def _end_of(view: memoryview, at: int) -> int:
    """Give where the frame that begins here ends; 0 where there is none."""
    if at + HEAD.size > len(view):
        return 0
    mark, length, crc = HEAD.unpack_from(view, at)
    end: int = at + HEAD.size + length
    if mark != MARK or length > LARGEST or end > len(view) or zlib.crc32(view[at + HEAD.size : end]) != crc:
        return 0
    return end
