"""blobs: bytes by digest, as a port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest, short

if TYPE_CHECKING:
    from loopline.store.pieces import Sums

CHUNK: Final = 1 << 20
"""Bytes that a stream gives or takes at a time."""
_GROUP: Final = 1024
_GROUP_BYTES: Final = 16 << 20


class Writer(Protocol):
    """One blob that is being written. One thread uses it; leaving the block without `commit` discards all of it."""

    def write(self, chunk: bytes) -> None:
        """Append `chunk`."""

    def commit(self) -> tuple[Digest, int]:
        """Make it a blob and give its digest and size. Durable when it returns. Nothing may be written afterwards."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Discard what was not committed."""


class Blobs(Protocol):
    """Keeps bytes under their sha256 digest.

    Any number of threads and processes may call any method at once, also with the same bytes. A blob is there whole
    or not at all, whenever a process is killed. What a writing method has acknowledged survives a loss of power.
    Writing what is there already changes nothing, unless the bytes that are kept were damaged: then it mends them.

    A name that is no whole digest (`parse_digest`) raises Invalid bad-digest, before anything is looked for: it may hold a path.

    Writing raises Unavailable: disk-full, store-read-only, store-broken. Reading raises NotFound blob-missing and
    Unavailable blob-corrupt, blob-unreadable. A store that is asked over a network raises Unavailable besides, by any method:
    store-unreachable, store-refused, store-missing. A method that raised has left nothing behind and may be called again.
    """

    def put(self, data: bytes) -> Digest:
        """Keep `data`."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each of `items`, and wait for the disk once for many. When it raises, some may be kept, each whole."""

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds, as read once from front to end, and give digest and size.

        A file that cannot be read raises OSError as `open` does.
        """

    def writer(self) -> Writer:
        """Begin a blob whose digest is not known yet."""

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob. Its last chunk comes only after all were verified: who reads to the end has the right bytes.

        A missing blob raises at the call, a damaged one while it is read.
        """

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob, verified."""

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give many small blobs, each once and verified, in whatever order the store reads them best. Raise as `read` does."""

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob; what lies behind its end is left out. A missing blob raises at the call.

        A store on this machine holds each piece against a sum that was made when the whole was verified.
        """

    def size(self, digest: Digest) -> int | None:
        """Give how many bytes are kept under this name; None where there is no such blob."""

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that are not kept here."""

    def path(self, digest: Digest) -> Path | None:
        """Give a local file to read without copying, unverified; None where there is none. It must not be written."""

    def verify(self, digest: Digest) -> None:
        """Read a blob and compare it with its name. Raise what reading raises."""

    def delete(self, digest: Digest) -> bool:
        """Forget a blob. Tell whether it was there. A reader that has begun may go on."""

    def iter(self) -> Iterator[Digest]:
        """Give what is kept, in no order. What is put or deleted meanwhile may or may not appear."""


class PutsAll(Protocol):
    """A store as far as it keeps many at once."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each of `items`, and wait for the disk once for many."""


def bring(blobs: object, digests: Iterable[Digest]) -> None:
    """Have small blobs at hand that are about to be read one by one: from far away, many come at once. It may do nothing."""
    far = getattr(blobs, "bring", None)
    if far is not None:
        far(digests)


def reopens(blobs: object) -> bool:
    """Tell whether another process gets at a store as quickly as this one, when it is pickled for it: it is a folder here."""
    return bool(getattr(blobs, "reopens", False))


def sums_of(blobs: object, digest: Digest) -> Sums | None:
    """Give the sums of the pieces of a large blob, by which parts of it are verified elsewhere; None where the store has none."""
    own = getattr(blobs, "sums", None)
    return own(digest) if own is not None else None


def sweep_uploads(blobs: object) -> int:
    """Abort what was begun to be sent to a store, and left a week ago or more; give how many. It may do nothing."""
    own = getattr(blobs, "sweep_uploads", None)
    return 0 if own is None else own()


def put_groups(blobs: PutsAll, items: Iterable[bytes]) -> Iterator[list[Digest]]:
    """Keep many, read from `items` as they are needed; give their digests in order, each group when it has become durable.

    Between two groups no more than 64 MiB are taken. Where `items` raises or this is closed, what was taken may be kept.
    """
    own = getattr(blobs, "put_groups", None)
    if own is not None:
        yield from own(items)
        return
    group, size = list[bytes](), 0
    for data in items:
        group.append(data)
        size += len(data)
        if len(group) >= _GROUP or size >= _GROUP_BYTES:
            yield blobs.put_all(group)
            group, size = [], 0
    yield blobs.put_all(group)


def put_lacking(blobs: PutsAll, items: Iterable[tuple[Digest, bytes]]) -> Iterator[list[Digest]]:
    """Keep many as `put_groups` does, of which the caller has found out that they are missing, and has verified each."""
    own = getattr(blobs, "put_lacking", None)
    if own is not None:
        yield from own(items)
    else:
        yield from put_groups(blobs, (data for _, data in items))


def part_of(chunks: Iterator[bytes], start: int, length: int) -> Iterator[bytes]:
    """Cut a part out of a stream, and stop reading behind it."""
    for chunk in chunks:
        piece = chunk[start : start + length]
        start = max(0, start - len(chunk))
        if piece:
            length -= len(piece)
            yield piece
        if length <= 0:
            return


def absent(digest: Digest) -> NotFound:
    """Say that a blob is not here."""
    return NotFound(
        f"blob {short(digest)} is not in the store",
        kind="blob-missing",
        hint="put the same bytes again, or fetch them from another copy of the store",
        digest=digest,
    )


def corrupt(digest: Digest, found: Digest, size: int) -> Unavailable:
    """Say that the bytes kept under a name are not those that the name means."""
    return Unavailable(
        f"blob {short(digest)} is damaged: its {size} bytes hash to {short(found)}",
        kind="blob-corrupt",
        hint="put the same bytes again: that mends the blob",
        digest=digest,
        found=found,
        size=size,
    )
