"""placing: files from the store into a folder, whole or not at all, and never outside of it.

A file is written into a scratch folder, given its mode and time there, and renamed to its place. Places are reached
from one open folder to the next without following links, so nobody can lead a write out of the folder, not even by
swapping a folder for a link at the wrong moment.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from loopline.datasets.blocks import Stamp
from loopline.datasets.near import ahead
from loopline.datasets.scan import stamp_of
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry

FICLONE: Final = 0x40049409
"""ioctl of Linux that shares a file's extents with another (ioctl_ficlone(2)): btrfs, XFS, bcachefs."""
AHEAD: Final = 64
"""How many files may be written before their turn to be renamed comes."""


class Source(Protocol):
    """What taking files needs of a blob store. Several threads call it at once."""

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, its last chunk verified."""

    def path(self, digest: Digest) -> Path | None:
        """Give a local file with its bytes."""


class Copies:
    """Writes blobs to files. Whether extents can be shared is found out by doing it, once for a store and a folder."""

    def __init__(self, blobs: Source, scratch: str, *, mtime: int) -> None:
        self._blobs = blobs
        self._scratch = scratch
        self._mtime = mtime
        self._shares = True

    def make(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
        """Give each entry with a file that holds it, in order; several are written at once."""
        if not entries:
            return
        from concurrent.futures import Future, ThreadPoolExecutor

        waiting: deque[tuple[Entry, Future[str]]] = deque()
        with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2), "loopline-checkout") as pool:
            try:
                for number, entry in enumerate(ahead(self._blobs, entries)):
                    waiting.append((entry, pool.submit(self._write, entry, os.path.join(self._scratch, str(number)))))
                    if len(waiting) >= AHEAD:
                        first, task = waiting.popleft()
                        yield first, task.result()
                for first, task in waiting:
                    yield first, task.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _write(self, entry: Entry, file: str) -> str:
        try:
            number = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, entry.mode)
            try:
                if not (self._shares and self._share(entry.digest, number)):
                    for chunk in self._blobs.get(entry.digest):
                        _write_all(number, chunk)
                if os.fstat(number).st_size != entry.size:
                    raise Unavailable(
                        f"{entry.path} has another size than its tree says",
                        kind="tree-corrupt",
                        hint="run `loopline verify` to see what it affects",
                        path=entry.path,
                        digest=entry.digest,
                        size=entry.size,
                    )
                os.utime(number, ns=(self._mtime, self._mtime))
            finally:
                os.close(number)
        except OSError as error:
            raise failed(entry.path, error) from error
        return file

    def _share(self, digest: Digest, number: int) -> bool:
        path = self._blobs.path(digest)
        if path is None:
            return False
        try:
            source = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.ioctl(number, FICLONE, source)
        except OSError:
            self._shares = False
            return False
        finally:
            os.close(source)
        return True


class Place:
    """Moves files to their paths below one folder. Best called in the order of paths: open folders are kept for the next."""

    def __init__(self, top: str) -> None:
        self._top = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        self._open: list[tuple[str, int]] = []

    def put(self, file: str, path: str) -> Stamp:
        """Rename `file` to `path`, making folders. What stands there is replaced, a folder only if it is empty."""
        try:
            folder, name = self._reach(path, make=True)
            try:
                os.rename(file, name, dst_dir_fd=folder)
            except IsADirectoryError:
                _remove_empty(folder, name)
                os.rename(file, name, dst_dir_fd=folder)
            return stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError as error:
            raise failed(path, error) from error

    def remove(self, path: str) -> None:
        """Remove a file, and the folders above it that it leaves empty."""
        try:
            with contextlib.suppress(FileNotFoundError):
                folder, name = self._reach(path, make=False)
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise failed(path, error) from error
        while self._open:
            name, number = self._open[-1]
            try:
                os.rmdir(name, dir_fd=self._open[-2][1] if len(self._open) > 1 else self._top)
            except OSError:
                return  # something is left in it
            self._open.pop()
            os.close(number)

    def close(self) -> None:
        """Let go of the folders."""
        for _, number in self._open:
            os.close(number)
        self._open.clear()
        os.close(self._top)

    def _reach(self, path: str, *, make: bool) -> tuple[int, str]:
        """Open the folder of `path` step by step; give it and the last name."""
        *folders, name = path.split("/")
        same = 0
        while same < min(len(folders), len(self._open)) and folders[same] == self._open[same][0]:
            same += 1
        while len(self._open) > same:
            os.close(self._open.pop()[1])
        for part in folders[same:]:
            above = self._open[-1][1] if self._open else self._top
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=above)
            number = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
            self._open.append((part, number))
        return (self._open[-1][1] if self._open else self._top), name


def _remove_empty(above: int, name: str) -> None:
    """Remove a folder that holds nothing but empty folders."""
    number = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        for inside in os.listdir(number):
            _remove_empty(number, inside)
    finally:
        os.close(number)
    os.rmdir(name, dir_fd=above)


def _write_all(number: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(number, rest) :]


def failed(path: str, error: OSError) -> Unavailable:
    """Say why a file could not be put where it belongs."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            f"no space left to write {path}", kind="disk-full", hint="free some space, then repeat", path=path
        )
    return Unavailable(
        f"cannot write {path}: {error.strerror}",
        kind="folder-unwritable",
        hint="check the folder's permissions, then repeat",
        path=path,
        errno=error.errno,
    )
