"""attendance: who is at work on this machine, told by locks, because those end with their process, however it ends.

Each piece of work is a file that its process holds a lock on. A file that nobody holds is work that was left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUFFIX = ".lock"


@contextmanager
def attended(folder: Path, name: str) -> Iterator[None]:
    """Be at work on `name` until the block ends. Where the file cannot be made or locked, nobody learns of it.

    Work whose block raised is left behind as well: its end may be written down, or not any more (a full disk, Ctrl-C again).
    """
    path = folder / f"{name}{_SUFFIX}"
    number = -1
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
        if number >= 0:
            with contextlib.suppress(OSError):
                path.unlink()
    finally:
        if number >= 0:
            os.close(number)


@contextmanager
def abandoned(folder: Path) -> Iterator[list[str]]:
    """Give the work whose process is gone, and hold it until the block ends, so that one process alone sees to it."""
    held: dict[str, int] = {}
    try:
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            with contextlib.suppress(OSError):
                number = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(number)
                    continue
                held[path.name.removesuffix(_SUFFIX)] = number
        yield list(held)
    finally:
        for number in held.values():
            os.close(number)


def forget(folder: Path, name: str) -> None:
    """Remove the file of work that was seen to."""
    with contextlib.suppress(OSError):
        (folder / f"{name}{_SUFFIX}").unlink()
