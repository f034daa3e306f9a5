"""files: writing files of a store, so that each is there whole or not at all, and a loss of power changes nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from loopline.errors import Unavailable

_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_NUMBERS: Final = itertools.count()
_READING: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Who opens a pipe so does not wait for whoever writes into it."""
_WRITE_OUT: Final = 2
"""SYNC_FILE_RANGE_WRITE."""
_FEW: Final = 16
"""Up to so many files are synced one by one: `syncfs` also waits for what other programs write."""


class Scratch:
    """The folder of what is being written. `begin` is called before the first file is made in it.

    Whoever writes holds a lock on their file, so that others can tell what a killed process has left, and remove it.
    """

    def __init__(self, folder: str, begin: Callable[[], None]) -> None:
        self.folder = folder
        self._begin = begin
        self._ready = False

    def make(self) -> tuple[int, str]:
        """Make a file that is locked, so that nobody takes it for a dead writer's; give its descriptor and its name."""
        if not self._ready or not os.path.isdir(self.folder):
            self._begin()
            os.makedirs(self.folder, exist_ok=True)
            self._sweep()
            self._ready = True
        while True:
            name = os.path.join(self.folder, f"blob-{os.getpid()}-{next(_NUMBERS)}")
            try:
                number = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:  # another machine or container has the same process number
                continue
            with contextlib.suppress(OSError):  # a file system without locks: then nobody can sweep it either
                fcntl.flock(number, fcntl.LOCK_EX)
            if os.path.exists(name):
                return number, name
            os.close(number)  # swept between making and locking it: make another

    def place(self, data: bytes, target: str, *, durable: bool = True) -> None:
        """Write a read-only file and rename it to its place; its name is durable when its folder has been synced."""
        number, name = self.make()
        try:
            write_all(number, data)
            os.fchmod(number, 0o444)
            if durable:
                sync([number])
            os.rename(name, target)
        finally:
            drop(number, name)

    def _sweep(self) -> None:
        """Remove what killed writers left: files that nobody has locked."""
        with os.scandir(self.folder) as found:
            names = [entry.path for entry in found if entry.name.startswith("blob-")]
        for name in names:
            with contextlib.suppress(OSError), unheld(name):
                os.unlink(name)


def open_file(name: str) -> int:
    """Open a file to be read. Raise OSError where something else has its name."""
    number = os.open(name, _READING)
    kind = os.fstat(number).st_mode
    if not stat.S_ISREG(kind):
        os.close(number)
        why = errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL
        raise OSError(why, f"{os.path.basename(name)} is no file", name)
    return number


def read_file(name: str) -> bytes:
    """Read all of a file. Raise what `open_file` raises."""
    with open(open_file(name), "rb", buffering=0) as file:
        return file.readall()


@contextlib.contextmanager
def unheld(name: str) -> Iterator[None]:
    """Lock a file that no writer holds. Raise OSError where one does."""
    number = open_file(name)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def locked(name: str, *, make: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a file or a folder. Raise BlockingIOError where somebody else does, if one shall not wait.

    Where the file system has no locks, what need not be done is not done, and what must is done without.
    """
    number = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644) if make else os.open(name, _READING)
    try:
        with contextlib.suppress(OSError) if wait else contextlib.nullcontext():
            fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(number)


def is_hex(name: str) -> bool:
    """Tell whether a file has the name of a blob."""
    return bool(_HEX.match(name))


def write_all(number: int, data: bytes) -> None:
    """Write all of `data`."""
    done = 0
    while done < len(data):
        done += os.write(number, memoryview(data)[done:] if done else data)


def write_back(number: int, start: int, stop: int) -> None:
    """Have the disk begin to write a part of a file that was just written, and do not wait for it (sync_file_range(2)).

    It stays in memory for who reads it next: `posix_fadvise` would begin to write as well, and drop it.
    """
    if sys.platform == "linux":
        with contextlib.suppress(
            AttributeError, ImportError
        ):  # another C library, or the interpreter ends: it is written later
            import ctypes

            begin = ctypes.CDLL(None).sync_file_range
            begin(number, ctypes.c_int64(start), ctypes.c_int64(stop - start), ctypes.c_uint(_WRITE_OUT))


def sync(numbers: list[int]) -> None:
    """Wait until the disk has what these files hold."""
    if len(numbers) > _FEW and sys.platform == "linux":
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(numbers[0]) == 0:
            return
        number = ctypes.get_errno()
        if number != errno.ENOSYS:
            raise OSError(number, os.strerror(number))
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: its fsync does not wait for the disk
    for number in numbers:
        if full is None:
            os.fsync(number)
        else:
            fcntl.fcntl(number, full)


def sync_folder(folder: str) -> None:
    """Wait until the disk has the names in a folder."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def make_durable(folder: str) -> None:
    """Make a folder with its parents, each of them named durably in its own parent."""
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder) or "."
        make_durable(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
        sync_folder(parent)


def drop(number: int, name: str) -> None:
    """Close a file that was being written, and remove it where it was not renamed."""
    with contextlib.suppress(OSError):
        os.unlink(name)
    with contextlib.suppress(OSError):
        os.close(number)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn errors of the system into ours, while a store is written."""
    try:
        yield
    except OSError as caught:
        raise _refusal(caught, folder) from caught


def unreadable(caught: OSError, folder: Path) -> Unavailable:
    """Say that a store cannot be looked at."""
    return Unavailable(
        f"the store {folder} cannot be read: {caught.strerror}", kind="store-broken",
        hint=f"make {folder} readable, or check its disk", folder=str(folder), errno=caught.errno,
    )  # fmt: skip


def _refusal(caught: OSError, folder: Path) -> Unavailable:
    match caught.errno:
        case errno.ENOSPC | errno.EDQUOT:
            kind, what, hint = "disk-full", "is full", "free some space, then try again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            kind, what, hint = "store-read-only", "cannot be written", f"make {folder} writable, then try again"
        case _:
            kind, what, hint = "store-broken", f"failed: {caught.strerror}", "check the disk, then try again"
    return Unavailable(f"the store {folder} {what}", kind=kind, hint=hint, folder=str(folder), errno=caught.errno)
