"""protobuf: the encoding of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), as much of it as OTLP needs.

It is read here by hand, and not by a library: of the whole protocol only a dozen messages are received, `opentelemetry-proto`
and `protobuf` would be two more distributions for everybody, and in an extra the server would answer traces on some machines
only. Tests hold what is read here against that library, message for message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_LONGEST: Final = 10
"""Bytes of a number of 64 bits."""
Piece = tuple[int, int]
"""Where the bytes of a field begin and end."""


class Malformed(ValueError):  # noqa: N818 (says what the bytes are, as its twins of other encodings do)
    """These bytes are no message."""


def fields(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give each field of a message as (number, wire type, value, end of value).

    The value of BYTES is where they begin; of the others it is the number, unsigned. Raise Malformed.
    """
    at = begin
    while at < end:
        key = data[at]  # nearly every number has one byte: a call for each would be a third of the time
        key, at = (key, at + 1) if key < 128 else number(data, at, end)
        wire = key & 7
        if not 8 <= key < 1 << 32:
            raise Malformed("a field has no number")
        if wire == VARINT:
            value, at = number(data, at, end)
            yield key >> 3, wire, value, at
            continue
        if wire == BYTES:
            size = data[at] if at < end else 128
            size, at = (size, at + 1) if size < 128 else number(data, at, end)
            stop = at + size
        elif wire in (FIXED64, FIXED32):
            stop = at + (8 if wire == FIXED64 else 4)
        else:
            raise Malformed("a field is of a type that this protocol does not have")
        if stop > end:
            raise Malformed("it ends within a field")
        yield key >> 3, wire, at if wire == BYTES else int.from_bytes(data[at:stop], "little"), stop
        at = stop


def number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number of varying length, and tell where it ends. Raise Malformed."""
    value = shift = 0
    for place in range(at, min(end, at + _LONGEST)):
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), place + 1
        shift += 7
    raise Malformed("a number does not end")


def signed(value: int) -> int:
    """Give an int64."""
    return value - 2**64 if value >= 2**63 else value


def text(data: bytes, begin: int, end: int) -> str:
    """Read a string. Raise Malformed."""
    try:
        return data[begin:end].decode()
    except UnicodeDecodeError:
        raise Malformed("text is not UTF-8") from None


def written(field: int, value: int | bytes) -> bytes:
    """Write a field."""
    if isinstance(value, bytes):
        return _varint(field << 3 | BYTES) + _varint(len(value)) + value
    return _varint(field << 3 | VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
