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
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from loopline.datasets.blocks import Found, Stamp
from loopline.datasets.near import SMALL
from loopline.datasets.scan import stamp_of
from loopline.errors import Conflict, Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.behind import Behind
from loopline.store.files import write_all
from loopline.store.links import links_of
from loopline.store.pieces import LARGE

if TYPE_CHECKING:
    from concurrent.futures import Future

FICLONE: Final = 0x40049409
"""ioctl of Linux that shares a file's extents with another (ioctl_ficlone(2)): btrfs, XFS, bcachefs."""
PLAIN: Final = 0o644
"""Mode of an entry that a file of a store can stand for."""
_MAKE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
AHEAD: Final = 4
"""How many groups may be written before their turn to be renamed comes."""
GROUP: Final = 256
GROUP_BYTES: Final = 8 << 20
"""Files, and bytes of small ones, that one thread writes at a time."""


_Group = list[tuple[Entry, str]]


class Source(Protocol):
    """What taking files needs of a blob store. Several threads call it at once."""

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, its last chunk verified."""

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give many small blobs, each once and verified."""

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob, verified."""

    def path(self, digest: Digest) -> Path | None:
        """Give a local file with its bytes."""


class Copies:
    """Writes blobs to files. Whether extents can be shared is found out by doing it, once for a store and a folder.

    With `link`, where that cannot be, a file that is not executable becomes a hard link to the blob's, where that has its own.
    """

    def __init__(self, blobs: Source, *, mtime: int, link: bool = False) -> None:
        self._blobs = blobs
        self._mtime = mtime
        self._shares = True
        self._probed = False
        self._links = links_of(blobs) if link else None
        self.linked: list[int] = []
        """Sizes of the files that were linked. One that is written in another folder meanwhile has a time that proves nothing."""

    def write(self, named: Iterable[tuple[Entry, str]]) -> Iterator[tuple[Entry, str, Stamp]]:
        """Write each entry to its file; give them in order, with the files' stamps. Several groups are written at once."""
        from concurrent.futures import ThreadPoolExecutor

        waiting: deque[tuple[_Group, Future[list[Stamp]]]] = deque()
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "loopline-checkout") as pool:
            try:
                for group in _groups(named):
                    waiting.append((group, pool.submit(self._write_group, group)))
                    if len(waiting) >= AHEAD:
                        yield from _done(*waiting.popleft())
                while waiting:
                    yield from _done(*waiting.popleft())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _write_group(self, group: _Group) -> list[Stamp]:
        """Write the files of a group; many small ones in the order in which their bytes come."""
        stamps: dict[int, Stamp] = {}
        places: dict[Digest, list[int]] = {}
        for number, (entry, file) in enumerate(group):
            if entry.size <= SMALL and not ((self._shares or self._may_link(entry)) and self._blobs.path(entry.digest)):
                places.setdefault(entry.digest, []).append(number)
            else:
                stamps[number] = self._write(entry, file, None)
        for digest, data in self._blobs.read_all(places):
            for number in places[digest]:
                stamps[number] = self._write(*group[number], data)
        return [stamps[number] for number in range(len(group))]

    def _write(self, entry: Entry, file: str, data: bytes | None) -> Stamp:
        try:
            if data is None and self._may_link(entry) and (linked := self._link(entry, file)):
                return linked
            number = os.open(file, _MAKE, entry.mode)
            try:
                if data is not None:
                    write_all(number, data)
                else:
                    self._fill(entry, number)
                os.utime(number, ns=(self._mtime, self._mtime))
                stamp = stamp_of(os.fstat(number))
            finally:
                os.close(number)
        except OSError as error:
            raise failed(entry.path, error) from error
        if stamp.size != entry.size:
            raise Unavailable(
                f"{entry.path} has another size than its tree says",
                kind="tree-corrupt",
                hint="run `loopline verify` to see what it affects",
                path=entry.path,
                digest=entry.digest,
                size=entry.size,
            )
        return stamp

    def _fill(self, entry: Entry, number: int) -> None:
        """Write a blob, or share it: read it in any case, so that it is verified."""
        if self._shares and self._share(entry.digest, number):
            deque(self._chunks(entry), maxlen=0)
        elif entry.size <= LARGE:
            for chunk in self._chunks(entry):
                write_all(number, chunk)
        else:
            with Behind(partial(write_all, number)) as behind:
                for chunk in self._chunks(entry):
                    behind.take(chunk)

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """Stream a blob: a large one that lies here by the sums of its pieces, which cost less than its digest."""
        if entry.size > LARGE and self._blobs.path(entry.digest) is not None:
            return self._blobs.range(entry.digest, 0, entry.size + 1)  # one more, so that a longer one is found out
        return self._blobs.get(entry.digest)

    def _may_link(self, entry: Entry) -> bool:
        return self._links is not None and entry.mode == PLAIN and entry.size > self._links.above

    def _link(self, entry: Entry, file: str) -> Stamp | None:
        """Make `file` a link to the store's, unless extents can be shared; None where it is to be written as any other."""
        if self._shares and not self._probed:
            number = os.open(file, _MAKE, entry.mode)
            try:
                self._probed = self._share(entry.digest, number)
            finally:
                os.close(number)
                os.unlink(file)
        status = None if self._shares or self._links is None else self._links.link(entry.digest, file)
        if status is None or status.st_size != entry.size:
            if status is not None:
                os.unlink(file)
            return None
        self.linked.append(entry.size)
        return stamp_of(status)

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


def _groups(named: Iterable[tuple[Entry, str]]) -> Iterator[_Group]:
    group: _Group = []
    size = 0
    for entry, file in named:
        group.append((entry, file))
        size += entry.size if entry.size <= SMALL else GROUP_BYTES
        if len(group) >= GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _done(group: _Group, task: Future[list[Stamp]]) -> Iterator[tuple[Entry, str, Stamp]]:
    for (entry, file), stamp in zip(group, task.result(), strict=True):
        yield entry, file, stamp


class Place:
    """Moves files to their paths below one folder. Best called in the order of paths: open folders are kept for the next.

    Given what files were `seen` there, it replaces and removes these and no others: Conflict kind="local-changes".
    """

    def __init__(self, top: str, seen: Mapping[str, Found] | None = None) -> None:
        self._seen = seen
        self._top = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        self._open: list[tuple[str, int]] = []

    def put(self, file: str, path: str) -> Stamp:
        """Rename `file` to `path`, making folders. What stands there is replaced, a folder only if it is empty."""
        try:
            folder, name = self._reach(path, make=True)
            self._refuse_other(folder, name, path)
            try:
                os.rename(file, name, dst_dir_fd=folder)
            except IsADirectoryError:
                _remove_empty(folder, name)
                os.rename(file, name, dst_dir_fd=folder)
            return stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError as error:
            raise failed(path, error) from error

    def put_folder(self, made: str, path: str) -> bool:
        """Rename a folder to `path`, making those above it; False where something else is there."""
        try:
            folder, name = self._reach(path, make=True)
            try:
                os.rename(made, name, dst_dir_fd=folder)
            except (FileExistsError, NotADirectoryError):
                return False
            except OSError as error:
                if error.errno == errno.ENOTEMPTY:
                    return False
                raise
        except OSError as error:
            raise failed(path, error) from error
        return True

    def remove(self, path: str) -> None:
        """Remove a file, and the folders above it that it leaves empty."""
        try:
            with contextlib.suppress(FileNotFoundError):
                folder, name = self._reach(path, make=False)
                self._refuse_other(folder, name, path)
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

    def _refuse_other(self, folder: int, name: str, path: str) -> None:
        """Refuse to touch a file that is not as it was seen: somebody has written it while we were at work."""
        if self._seen is None:
            return
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        seen = self._seen.get(path)
        if stat.S_ISREG(status.st_mode) and (seen is None or not _is_same(seen.stamp, status)):
            raise Conflict(
                f"{path} was changed while the checkout was at work", kind="local-changes",
                hint="publish or move away what was changed, then repeat", paths=[path], count=1,
            )  # fmt: skip

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


def _is_same(seen: Stamp, status: os.stat_result) -> bool:
    """Tell whether a file is as it was seen. The time of change of one with other names tells of these, too: we may link them."""
    stamp = stamp_of(status)
    return seen == (stamp if status.st_nlink == 1 else stamp._replace(ctime=seen.ctime))


def _remove_empty(above: int, name: str) -> None:
    """Remove a folder that holds nothing but empty folders."""
    number = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        for inside in os.listdir(number):
            _remove_empty(number, inside)
    finally:
        os.close(number)
    os.rmdir(name, dir_fd=above)


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
