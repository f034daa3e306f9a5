"""writing: files on their way to a branch. Their bytes go into the store as they come, and count when the file is closed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.sdk.oserrors import as_os
from loopline.store.blobs import CHUNK, Blobs

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SMALL: Final = 64 << 10
"""Files up to this size wait for the store together, where many are written."""
MOST: Final = 16 << 20
"""Bytes that wait, at most."""
Keep = Callable[[Digest, int], None]
"""Told what a file holds, by whom it shall be kept under its name."""


class _Sink(io.RawIOBase):
    """Where the bytes go: a blob that is being written."""

    def __init__(self, blobs: Blobs, path: str) -> None:
        super().__init__()
        self.path = path
        self.size = 0
        with as_os(path):
            self.writer = blobs.writer().__enter__()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: ReadableBuffer, /) -> int:
        chunk = bytes(data)
        with as_os(self.path):
            self.writer.write(chunk)
        self.size += len(chunk)
        return len(chunk)


class Written(io.BufferedWriter):
    """A file that is being written. Nobody sees it before it is closed; a block that raises leaves nothing of it.

    With `at_once` false it counts when `commit` says so, and never after `discard`.
    """

    raw: _Sink

    def __init__(
        self, blobs: Blobs, keep: Keep, *, path: str, before: Entry | None = None, at_once: bool = True
    ) -> None:
        super().__init__(_Sink(blobs, path), CHUNK)
        self._keep = keep
        self._at_once = at_once
        self._done: tuple[Digest, int] | None = None
        if before is not None:
            with as_os(path):
                for chunk in blobs.get(before.digest):
                    self.write(chunk)

    def close(self) -> None:
        """Make a blob of what was written, and keep it where nobody says later that it counts."""
        if self.closed:
            return
        try:
            self.flush()
            with as_os(self.raw.path):
                self._done = self.raw.writer.commit()
                if self._at_once:
                    self._keep(*self._done)
        finally:
            self._end()

    def commit(self) -> None:
        """Keep what was written under its name."""
        self.close()
        if self._done is not None and not self._at_once:
            with as_os(self.raw.path):
                self._keep(*self._done)

    def discard(self) -> None:
        """Forget what was written."""
        self._done = None
        if not self.closed:
            self._end()

    def _end(self) -> None:
        self.raw.writer.__exit__(None, None, None)
        self.raw.close()
        with contextlib.suppress(ValueError):  # what was not flushed goes nowhere
            super().close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class WrittenText(io.TextIOWrapper):
    """The same for text."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif isinstance(self.buffer, Written):
            self.buffer.discard()


class Batch:
    """What is staged on one branch in one go."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        """Folders that go, before anything is written."""
        self.paths: dict[str, Entry | bytes | None] = {}
        """What each path holds then: bytes that the store does not have yet, or nothing where it goes."""
        self.held = 0
        """How many bytes wait."""

    def put(self, entry: Entry) -> None:
        """Write a file."""
        self.paths[entry.path] = entry

    def hold(self, path: str, data: bytes) -> None:
        """Write a small file: many wait for the store together."""
        self.paths[path] = data
        self.held += len(data)

    def store(self, blobs: Blobs) -> None:
        """Put what waits into the store, in one go."""
        waiting = [(path, data) for path, data in self.paths.items() if isinstance(data, bytes)]
        for (path, data), digest in zip(waiting, blobs.put_all(data for _, data in waiting), strict=True):
            self.paths[path] = Entry(path, digest, len(data))
        self.held = 0

    def remove(self, path: str) -> None:
        """Remove a file, or with a `/` behind it all that lies below."""
        if path.endswith("/"):
            self.cut.append(path)
            self.paths = {name: one for name, one in self.paths.items() if not name.startswith(path)}
        else:
            self.paths[path] = None

    @property
    def files(self) -> list[Entry]:
        """Give what is written, as a tree wants it."""
        found = [one for one in self.paths.values() if isinstance(one, Entry)]
        return sorted(found, key=lambda one: one.path.encode())

    @property
    def gone(self) -> list[str]:
        """Give what goes."""
        return [*self.cut, *(path for path, one in self.paths.items() if one is None)]
