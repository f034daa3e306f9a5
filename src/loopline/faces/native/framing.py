"""framing: many small blobs in one body: eight bytes of length, big-endian, then the bytes, again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid

if TYPE_CHECKING:
    from loopline.nouns.digest import Digest
    from loopline.store.blobs import Blobs

HEAD: Final = 8
GATHERED: Final = 1 << 20
"""Bytes that are gathered before they are sent."""


def unpacked(body: bytes, *, most: int) -> list[bytes]:
    """Take a body apart. Raise Invalid kind="bad-pack" where it ends inside of a blob or has too many."""
    at, found = 0, list[bytes]()
    view = memoryview(body)
    while at < len(body):
        size = int.from_bytes(view[at : at + HEAD], "big")
        end = at + HEAD + size
        if at + HEAD > len(body) or end > len(body):
            raise Invalid(
                "the pack ends inside of a blob",
                kind="bad-pack",
                hint="send 8 bytes of length, then as many bytes",
                at=at,
            )
        if len(found) >= most:
            raise Invalid(f"a pack holds at most {most} blobs", kind="bad-pack", hint="send several packs", limit=most)
        found.append(bytes(view[at + HEAD : end]))
        at = end
    return found


def packed(blobs: Blobs, wanted: Iterable[tuple[Digest, int]]) -> Iterator[bytes]:
    """Give blobs of known sizes in frames, each verified while it is read, in pieces worth sending."""
    parts: list[bytes] = []
    waiting = 0
    for digest, size in wanted:
        parts.append(size.to_bytes(HEAD, "big"))
        for chunk in blobs.get(digest):
            parts.append(chunk)
            waiting += len(chunk)
            if waiting >= GATHERED:
                yield b"".join(parts)
                parts, waiting = [], 0
    if parts:
        yield b"".join(parts)
