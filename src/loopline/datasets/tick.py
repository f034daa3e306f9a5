"""tick: the time of the file system that a folder lies on. Its clock ticks in milliseconds, and may be another machine's."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from loopline.datasets.ignore import OURS
from loopline.store.system import SystemClock

DOUBT_NS: Final = 3600 * 10**9
"""How far the clock of a file system may be from ours, where nothing can be written to ask it."""


def tick(folder: str, near: Path) -> int:
    """Give a time in nanoseconds: what is written into `folder` from here on is stamped with it or later.

    It is that of a file written there, without a name where the system can do that. Where the folder cannot be written to, it is
    that of `near`, a folder of ours, if that lies on the same file system; otherwise an hour before our own clock's, so
    that only older files are taken as known.
    """
    for written in (_unnamed, _named):
        with contextlib.suppress(OSError, AttributeError):  # macOS has no O_TMPFILE
            return written(folder)
    with contextlib.suppress(OSError):
        near.mkdir(parents=True, exist_ok=True)
        if os.stat(near).st_dev == os.stat(folder).st_dev:
            return _named(str(near))
    return SystemClock().now() * 1000 - DOUBT_NS


def _unnamed(folder: str) -> int:
    return _written(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))


def _named(folder: str) -> int:
    name = os.path.join(folder, f"{OURS}{os.getpid()}")
    number = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        return _written(number)
    finally:
        os.unlink(name)


def _written(number: int) -> int:
    try:
        os.write(number, b"\0")
        return os.fstat(number).st_mtime_ns
    finally:
        os.close(number)
