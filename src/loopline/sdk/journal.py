"""journal: a run's own file. What `append` took is in it, whatever happens to the process next.

One file belongs to one process, which holds a lock on it for as long as it lives (flock): the lock tells the living from the
left over. Children of a fork append to the same file (O_APPEND keeps records whole) but never ship, finish or remove it. A
file is removed only when all of it is in the ledger; a child that logs later begins a file of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from loopline.sdk.records import write_record

SUFFIX: Final = ".journal"
log = logging.getLogger("loopline")
"""Warnings go here. It is no `warnings.warn`: that one raises where a program asks for it."""


class Journal:
    """Appends records. Any thread and any child of a fork may call; nothing raises, nothing waits."""

    def __init__(self, folder: Path, start: Mapping[str, Any], now: Callable[[], int]) -> None:
        self.folder = folder
        self.source = os.urandom(8).hex()
        """Names this file in the ledger, which counts what it has of each source."""
        self.path = folder / f"{start['run']}-{self.source}{SUFFIX}"
        self.lost = 0
        """Records that could not be written."""
        self._start = start
        self._now = now
        self._number = -1
        self._spare = -1
        self._child = False
        self._warned = False
        self._counting = threading.Lock()
        self._own: Journal | None = None
        try:
            self._number = _create(self.path, write_record("start", now(), dict(start)))
        except (OSError, TypeError) as error:
            self._lose(error)
        _OPEN.add(self)

    def append(self, kind: str, body: Any) -> bool:
        """Write one record. Tell whether it is in the file."""
        try:
            if self._child:
                return self._append_as_child(kind, body)
            line = write_record(kind, self._now(), body)
            if os.write(self._number, line) == len(line):
                return True
            self._lose(None)
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self._lose(error)
        return False

    @property
    def mine(self) -> bool:
        """Whether this process began the run, and so may end it."""
        return not self._child

    def number(self) -> int:
        """Give the open file, for who ships it; -1 where there is none."""
        return self._number

    def close(self) -> None:
        """Let go of the lock that says that the file's process lives; nothing is written from now on.

        The file stays open until nobody has this journal any more: a thread may be about to write, and the number of a
        closed file may be that of somebody else's file a moment later.
        """
        number, self._number = self._number, -1
        if number >= 0:
            self._spare = number
            with contextlib.suppress(OSError):
                fcntl.flock(number, fcntl.LOCK_UN)

    def __del__(self) -> None:
        number = max(getattr(self, "_spare", -1), getattr(self, "_number", -1))
        if number >= 0:
            with contextlib.suppress(OSError):
                os.close(number)

    def _drop(self) -> None:
        """Close the file at once, where no other thread can be writing: in a child, behind its only thread."""
        number = max(self._spare, self._number)
        self._spare = self._number = -1
        if number >= 0:
            with contextlib.suppress(OSError):
                os.close(number)

    def _append_as_child(self, kind: str, body: Any) -> bool:
        """Write to the parent's file while it is there; a lock around that keeps it from being removed in between."""
        if self._own is None:
            number = self._reopened()
            if number >= 0:
                # the parent's clock has a lock that another thread may have held at the fork: this one has none
                line = write_record(kind, time.time_ns() // 1000, body)
                fcntl.lockf(number, fcntl.LOCK_EX)
                try:
                    if os.fstat(number).st_nlink:
                        done = os.write(number, line) == len(line)
                        if not done:
                            self._lose(None)
                        return done
                finally:
                    fcntl.lockf(number, fcntl.LOCK_UN)
                self.close()
            self._own = Journal(self.folder, {**self._start, "attached": True}, lambda: time.time_ns() // 1000)
        return self._own.append(kind, body)

    def _reopened(self) -> int:
        if self._number < 0:
            with contextlib.suppress(FileNotFoundError):
                self._number = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        return self._number

    def _lose(self, error: Exception | None) -> None:
        with self._counting:
            self.lost += 1
            first, self._warned = not self._warned, True
        if first:
            why = "the disk took only a part of it" if error is None else str(error)
            log.warning(
                "loopline cannot write the run's journal %s: %s. The program goes on; what it logs is lost.",
                self.path,
                why,
            )

    def _forked(self) -> None:
        """Become the journal of a child: the parent's lock must not live on in it."""
        self._child = True
        self._counting = threading.Lock()
        self._drop()
        if self._own is not None:  # a grandchild
            self._own._forked()  # noqa: SLF001 (one of its kind)


def remove_when_shipped(path: Path, number: int, end: int) -> bool:
    """Remove a journal that ends at `end`. False where a child has appended more in the meantime."""
    fcntl.lockf(number, fcntl.LOCK_EX)
    try:
        if os.fstat(number).st_size > end:
            return False
        path.unlink(missing_ok=True)
    finally:
        fcntl.lockf(number, fcntl.LOCK_UN)
    return True


def take(path: Path) -> int | None:
    """Open a journal whose process is gone, and hold its lock; None where it lives or somebody else was faster."""
    number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(number).st_nlink:
            return number
    except BlockingIOError:
        pass
    except BaseException:
        os.close(number)
        raise
    os.close(number)
    return None


def _create(path: Path, first: bytes) -> int:
    """Make the file under another name until it is locked and has its first record: no other process sees it before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    number = os.open(fresh, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.write(number, first) != len(first):
            raise OSError(28, "No space left on device", str(path))
        fresh.rename(path)
    except BaseException:
        os.close(number)
        fresh.unlink(missing_ok=True)
        raise
    return number


_OPEN: weakref.WeakSet[Journal] = weakref.WeakSet()


def _after_fork() -> None:
    for journal in list(_OPEN):
        journal._forked()  # noqa: SLF001 (a journal's own hook)


os.register_at_fork(after_in_child=_after_fork)
