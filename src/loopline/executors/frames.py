"""frames: messages on a pipe between an executor and its worker. A message is a list of byte strings.

On the wire: how many fields (uint32), the length of each (uint64), then their bytes. Only `struct` is needed: importing
a serialiser would take longer than starting the whole worker, and everything in a job is text or bytes anyway.
"""

from __future__ import annotations

import os
import struct

_COUNT = struct.Struct("<I")


def pack(*fields: bytes) -> bytes:
    """Write one message."""
    return b"".join((_COUNT.pack(len(fields)), struct.pack(f"<{len(fields)}Q", *map(len, fields)), *fields))


def receive(number: int) -> list[bytes] | None:
    """Read one message, blocking; None when the other side has closed the pipe, even in the middle of one."""
    head = _exactly(number, _COUNT.size)
    if head is None:
        return None
    (count,) = _COUNT.unpack(head)
    lengths = _exactly(number, 8 * count)
    if lengths is None:
        return None
    fields = []
    for length in struct.unpack(f"<{count}Q", lengths):
        field = _exactly(number, length)
        if field is None:
            return None
        fields.append(field)
    return fields


def send(number: int, message: bytes) -> None:
    """Write a whole message, blocking."""
    view = memoryview(message)
    while view:
        view = view[os.write(number, view) :]


class Frames:
    """Puts messages together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take what arrived."""
        self._held += piece

    def next(self) -> list[bytes] | None:
        """Give the next whole message; None where it has not all arrived."""
        held = self._held
        if len(held) < _COUNT.size:
            return None
        (count,) = _COUNT.unpack_from(held)
        at = _COUNT.size + 8 * count
        if len(held) < at:
            return None
        lengths = struct.unpack_from(f"<{count}Q", held, _COUNT.size)
        if len(held) < at + sum(lengths):
            return None
        fields = []
        for length in lengths:
            fields.append(bytes(memoryview(held)[at : at + length]))
            at += length
        del held[:at]
        return fields


def _exactly(number: int, size: int) -> bytes | None:
    pieces = bytearray()
    while len(pieces) < size:
        piece = os.read(number, min(size - len(pieces), 1 << 20))
        if not piece:
            return None
        pieces += piece
    return bytes(pieces)
