"""memory: blobs in a dictionary, for tests and for what need not last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.store.blobs import CHUNK, Writer, absent, corrupt, part_of


class MemoryBlobs:
    """Keeps Blobs' promises for one process, except that nothing survives it."""

    def __init__(self) -> None:
        self.held: dict[Digest, bytes] = {}

    def put(self, data: bytes) -> Digest:
        """Keep a copy of `data`."""
        digest = digest_of(data)
        self.held[digest] = bytes(data)
        return digest

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each."""
        return [self.put(data) for data in items]

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds."""
        data = path.read_bytes()
        return self.put(data), len(data)

    def writer(self) -> Writer:
        """Begin a blob."""
        return _MemoryWriter(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob."""
        data = self.read(digest)
        return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        data = self.held.get(parse_digest(digest))
        if data is None:
            raise absent(digest)
        found = digest_of(data)
        if found != digest:
            raise corrupt(digest, found, len(data))
        return data

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give each."""
        return ((digest, self.read(digest)) for digest in dict.fromkeys(digests))

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Give a part."""
        return part_of(self.get(digest), start, length)

    def size(self, digest: Digest) -> int | None:
        """Give its length."""
        data = self.held.get(parse_digest(digest))
        return None if data is None else len(data)

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that are not here."""
        return {digest for digest in digests if parse_digest(digest) not in self.held}

    def path(self, digest: Digest) -> Path | None:  # noqa: ARG002 - the port's signature
        """Give None: there are no files."""
        return None

    def verify(self, digest: Digest) -> None:
        """Compare a blob with its name."""
        self.read(digest)

    def delete(self, digest: Digest) -> bool:
        """Forget a blob."""
        return self.held.pop(parse_digest(digest), None) is not None

    def iter(self) -> Iterator[Digest]:
        """Give what was there when it was called."""
        return iter(list(self.held))


class _MemoryWriter:
    def __init__(self, blobs: MemoryBlobs) -> None:
        self._blobs = blobs
        self._chunks: list[bytes] | None = []

    def write(self, chunk: bytes) -> None:
        if self._chunks is None:
            msg = "this writer was committed or left"
            raise ValueError(msg)
        self._chunks.append(bytes(chunk))

    def commit(self) -> tuple[Digest, int]:
        if self._chunks is None:
            msg = "this writer was committed or left"
            raise ValueError(msg)
        data, self._chunks = b"".join(self._chunks), None
        return self._blobs.put(data), len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._chunks = None
