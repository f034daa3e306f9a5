"""frames: messages between a front and its model processes: four bytes of length (little endian), then msgpack."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

HEAD: Final = struct.Struct("<I")
LARGEST: Final = 1 << 30
"""Bytes of one message: more than any request that a front lets in."""
pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


def frame(message: Any) -> bytes:
    """Give the bytes of one message."""
    body = pack(message)
    return HEAD.pack(len(body)) + body


class Frames:
    """Puts messages together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, piece: bytes) -> Iterator[Any]:
        """Give the messages that a piece completes. Raise ValueError for what is no message."""
        held = self._held
        held += piece
        at = 0
        while len(held) - at >= HEAD.size:
            (size,) = HEAD.unpack_from(held, at)
            if size > LARGEST:
                message = f"a message of {size} bytes"
                raise ValueError(message)
            if len(held) - at - HEAD.size < size:
                break
            begin = at + HEAD.size
            at = begin + size
            yield _unpack(bytes(held[begin:at]))
        if at:
            del held[:at]


def receive(sock: socket.socket) -> Any:
    """Wait for one message. Raise EOFError when the other side is gone."""
    (size,) = HEAD.unpack(_exactly(sock, HEAD.size))
    return _unpack(_exactly(sock, size))


def _exactly(sock: socket.socket, size: int) -> bytearray:
    found = bytearray(size)
    view, at = memoryview(found), 0
    while at < size:
        count = sock.recv_into(view[at:])
        if not count:
            raise EOFError
        at += count
    return found
