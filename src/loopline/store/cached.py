"""cached: blobs that are far away, with copies of some in a folder here."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from loopline.errors import LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest
from loopline.store.blobs import CHUNK, Blobs, Writer, part_of, put_groups, put_lacking, sums_of, sweep_uploads
from loopline.store.local import LocalBlobs
from loopline.store.named import Named, named_of
from loopline.store.sparse import Sparse
from loopline.store.system import SystemClock
from loopline.store.trash import Trash, trash_of

if TYPE_CHECKING:
    from loopline.store.pieces import Sums

GRACE_S: Final = 300.0
"""A copy that was used so recently stays, even beyond the limit: somebody may be about to open its file."""
_TOUCH_S: Final = 60.0
_GROUP_BYTES: Final = 16 << 20
_ROOM: Final = 0.9
_WHOLE: Final = CHUNK
"""A copy up to this size is verified before any of it is given, so that a damaged one is replaced unseen."""


_CLOCK: Final = SystemClock()


def _now() -> float:
    """Give seconds, as files carry them."""
    return _CLOCK.now() / 1_000_000


class Far(Blobs, Protocol):
    """A store that can also take a file whose digest is known."""

    def put_known(self, digest: Digest, path: Path, size: int) -> None:
        """Keep a file of which the caller knows the digest and that nobody changes meanwhile."""


class Cached:
    """Keeps Blobs' promises by `far`; `folder` holds copies, at most about `limit` bytes of them, the least used go first.

    What was written or read before is read from here, and `path` gives a file. What is there, and what is missing, is only
    ever said by `far`. A damaged copy is replaced; one that is too large to be looked at first fails one reader, then is gone.
    Several processes may share a folder. What is written by a writer needs room there for as long as it is sent.
    """

    def __init__(self, far: Far, folder: Path, *, limit: int, grace: float = GRACE_S) -> None:
        self.far = far
        self.near = LocalBlobs(folder, several=0)  # the least used go one by one
        self.parts = Sparse(str(self.near.folder / "partial"))
        self.limit = limit
        self.grace = grace
        self._held: int | None = None
        self._guard = threading.Lock()

    @property
    def named(self) -> Named | None:
        """What lies beside the blobs of the store that is far."""
        return named_of(self.far)

    @property
    def trash(self) -> Trash | None:
        """That of the store there; copies here are only copies."""
        return trash_of(self.far)

    def put(self, data: bytes) -> Digest:
        """Keep `data` there, then a copy here."""
        digest = self.far.put(data)
        self._copy([data])
        return digest

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each there, then copies here."""
        return [digest for group in self.put_groups(items) for digest in group]

    def put_groups(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Keep each there, in groups, then copies here."""
        kept: list[bytes] = []

        def noted() -> Iterator[bytes]:
            for data in items:
                if len(data) <= self.limit // 16:
                    kept.append(data)
                yield data
                if len(kept) >= 256:
                    self._copy(kept)
                    kept.clear()

        for group in put_groups(self.far, noted()):
            self._copy(kept)
            kept.clear()
            yield group

    def put_lacking(self, items: Iterable[tuple[Digest, bytes]]) -> Iterator[list[Digest]]:
        """Keep each there, as that store does many best, without copies here."""
        return put_lacking(self.far, items)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds, by way of a copy here."""
        with open(path, "rb", buffering=0) as source, self.writer() as writer:
            while chunk := source.read(1 << 20):
                writer.write(chunk)
            return writer.commit()

    def writer(self) -> Writer:
        """Begin a blob in a file here; it is sent from there."""
        return _CachedWriter(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream the copy, or the blob, of which a copy is made on the way."""
        try:
            held = self.near.size(digest)
        except OSError:
            held = None
        if held is None:
            return self._stream(self.far.get(digest))
        if held <= _WHOLE:
            data = self.read(digest)
            return iter([data] if data else [])
        try:
            stream = self.near.get(digest)
        except (NotFound, OSError):
            return self._stream(self.far.get(digest))
        self._used(digest)
        return self._checked(digest, stream)

    def read(self, digest: Digest) -> bytes:
        """Give all of the copy, or of the blob."""
        try:
            data = self.near.read(digest)
        except NotFound:
            pass
        except (LooplineError, OSError):
            self._drop(digest)
        else:
            self._used(digest)
            return data
        data = self.far.read(digest)
        self._copy([data])
        return data

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give copies, then fetch what has none."""
        lacking = []
        for digest in dict.fromkeys(digests):
            if self.near.size(digest) is None:
                lacking.append(digest)
            else:
                yield digest, self.read(digest)
        yield from self._fetched(lacking)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of the copy, or of the blob: the pieces in which it lies, where the store there has their sums.

        Else all of it is fetched first, as far as it may be kept, so that no byte is given that was not verified.
        """
        try:
            stream = self.near.range(digest, start, length)
        except (NotFound, OSError):
            return self._part(digest, start, length)
        self._used(digest)
        return self._checked(digest, stream)

    def sums(self, digest: Digest) -> Sums | None:
        """Give the sums of the copy's pieces, or those that the store there has."""
        try:
            return self.near.sums(digest)
        except (NotFound, OSError):
            return sums_of(self.far, digest)

    def bring(self, digests: Iterable[Digest]) -> None:
        """Fetch what is not here, many at once. What cannot be had raises when it is read."""
        wanted = [digest for digest in dict.fromkeys(digests) if self.near.size(digest) is None]
        with contextlib.suppress(LooplineError):
            for _ in self._fetched(wanted):
                pass

    def size(self, digest: Digest) -> int | None:
        """Ask there."""
        return self.far.size(digest)

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Ask there: a copy here helps nobody else."""
        return self.far.missing(digests)

    def path(self, digest: Digest) -> Path | None:
        """Give the copy's file, fetching it first; None for what is not there or is larger than the limit.

        The file stays for some minutes after it was last asked for.
        """
        path = self.near.path(digest)
        if path is None:
            size = self.far.size(digest)
            if size is None or size > self.limit:
                return None
            for _ in self.get(digest):
                pass
            path = self.near.path(digest)
            self.parts.forget(digest)
        if path is not None:
            self._used(digest)
        return path

    def verify(self, digest: Digest) -> None:
        """Read what is kept there, and the copy."""
        self.far.verify(digest)
        try:
            self.near.verify(digest)
        except NotFound:
            pass
        except (LooplineError, OSError):
            self._drop(digest)

    def delete(self, digest: Digest) -> bool:
        """Forget the blob, then the copy."""
        found = self.far.delete(digest)
        self._drop(digest)
        return found

    def iter(self) -> Iterator[Digest]:
        """List what is kept there."""
        return self.far.iter()

    def sweep_uploads(self) -> int:
        """Abort uploads that were left there a week ago or more; give how many."""
        return sweep_uploads(self.far)

    def __reduce__(self) -> tuple[partial[Cached], tuple[Far, Path]]:
        """Open the same store and folder in another process."""
        return partial(Cached, limit=self.limit, grace=self.grace), (self.far, self.near.folder)

    def _part(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        sums = self.parts.sums(digest)
        if sums is None:
            sums = sums_of(self.far, digest)
            if sums is None:
                here = self.path(digest) is not None
                return (self.near.range if here else self._unverified)(digest, start, length)
            self.parts.note(digest, sums)
        stop = max(start, min(start + length, sums.size))
        return self._grown(
            self.parts.range(digest, sums, start, stop, lambda at, many: self.far.range(digest, at, many))
        )

    def _unverified(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob that is too large to be kept here, as far as it was hashed."""
        return part_of(self.get(digest), start, length)

    def _grown(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Give what comes, and count it as if all of it were new: at worst one looks too early at what is there."""
        for chunk in chunks:
            self._grew(len(chunk))
            yield chunk

    def _fetched(self, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Read many there, and make copies of them in groups."""
        group, size = list[bytes](), 0
        try:
            for digest, data in self.far.read_all(digests):
                group.append(data)
                size += len(data)
                yield digest, data
                if size >= _GROUP_BYTES:
                    self._copy(group)
                    group, size = [], 0
        finally:
            self._copy(group)

    def _checked(self, digest: Digest, stream: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from stream
        except (LooplineError, OSError):
            self._drop(digest)
            raise

    def _stream(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Give what comes and write it down; stop writing where it does not fit."""
        writer: Writer | None = None
        size = 0
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(LooplineError, OSError):
                writer = stack.enter_context(self.near.writer())
            for chunk in chunks:
                size += len(chunk)
                if writer is not None:
                    try:
                        if size > self.limit:
                            writer = None
                            stack.close()
                        else:
                            writer.write(chunk)
                    except (LooplineError, OSError):
                        writer = None
                        stack.close()
                yield chunk
            if writer is not None:
                with contextlib.suppress(LooplineError, OSError):
                    writer.commit()
                    self._grew(size)

    def _copy(self, items: list[bytes]) -> None:
        items = [data for data in items if len(data) <= self.limit]
        if not items:
            return
        with contextlib.suppress(LooplineError, OSError):
            self.near.put_all(items)
            self._grew(sum(map(len, items)))

    def _used(self, digest: Digest) -> None:
        """Note that a copy is in use, once a minute at most."""
        name = self.near._where(digest)
        with contextlib.suppress(OSError):
            if _now() - os.stat(name).st_mtime > min(_TOUCH_S, self.grace):
                os.utime(name)

    def _drop(self, digest: Digest) -> None:
        with contextlib.suppress(LooplineError, OSError):
            self.near.delete(digest)

    def _grew(self, by: int) -> None:
        """Count what was added; beyond the limit, look at what is there and let the least used go."""
        with self._guard:
            if self._held is not None:
                self._held += by
            if self._held is None or self._held > self.limit:
                self._held = self._trim()

    def _trim(self) -> int:
        found = []
        for folder in (self.near.loose, self.parts.folder):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # another process trims as well
                        state = entry.stat()
                        found.append((state.st_mtime, min(state.st_size, state.st_blocks * 512), entry.path))
        held = sum(size for _, size, _ in found)
        if held <= self.limit:
            return held
        now = _now()
        for used, size, name in sorted(found):
            if held <= self.limit * _ROOM or now - used < self.grace:
                break
            with contextlib.suppress(OSError):
                os.unlink(name)
                held -= size
                other = self.near.sums_file(os.path.basename(name))
                os.unlink(other if os.path.dirname(name) == self.near.loose else f"{name}.sums")
        return held


class _CachedWriter:
    """Writes a copy and sends it."""

    def __init__(self, blobs: Cached) -> None:
        self._blobs = blobs
        self._near = blobs.near.writer()

    def write(self, chunk: bytes) -> None:
        self._near.write(chunk)

    def commit(self) -> tuple[Digest, int]:
        digest, size = self._near.commit()
        path = self._blobs.near.path(digest)
        if path is None:
            raise Unavailable(
                "a copy went away while it was sent", kind="store-broken", hint="try again", digest=digest
            )
        try:
            self._blobs.far.put_known(digest, path, size)
        except BaseException:
            self._blobs._drop(digest)
            raise
        if size > self._blobs.limit:
            self._blobs._drop(digest)
        else:
            self._blobs._grew(size)
        return digest, size

    def __enter__(self) -> Self:
        self._near.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._near.__exit__(kind, error, tb)
