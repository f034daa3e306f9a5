"""segments: the write-ahead files that predictions go to first, written by a thread that no request waits for.

`FOLDER/segments/NAME.open` is being written by a process that holds its lock; `NAME.ready` is finished. A killed
process leaves an open one without a lock, and whoever looks for finished segments takes it over.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

from loopline.signals.entry import batched
from loopline.signals.frames import framed

SEGMENTS: Final = "segments"
OPEN: Final = ".open"
READY: Final = ".ready"
_BATCH: Final = 1 << 20
"""Bytes written at once, so that a roll and a stop are never far."""
_TOGETHER: Final = 16
"""Entries of one batch, at most: a frame is whole or lost."""
_RETRY_S: Final = 0.5
_NUMBERS: Final = itertools.count()


class Recorder:
    """Takes entries from an event loop and appends them to segments of a deployment's folder.

    A slow or full disk costs records, never requests: what does not fit into `limit_bytes` is dropped and counted, and writing
    goes on by itself once it can. What was taken is in the file within `flush_s` where the disk is well; it is not synced.
    """

    def __init__(
        self, folder: Path, *, limit_bytes: int = 32 << 20, flush_s: float = 0.05, roll_bytes: int = 16 << 20,
        roll_s: float = 10.0,
    ) -> None:  # fmt: skip
        self.dropped = 0
        """Entries that did not fit since this began, or could not be written before the end."""
        self.trouble = ""
        """What the system said when writing failed last; empty while it works."""
        self._folder = Path(folder) / SEGMENTS
        self._limit, self._flush_s, self._roll_bytes, self._roll_s = limit_bytes, flush_s, roll_bytes, roll_s
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._batch: list[tuple[bytes, bytes]] = []
        """Heads and entries."""
        self._taken = 0
        self._done = 0
        """Bytes taken and bytes done with, each written by one thread alone: their difference is what waits."""
        self._lost = 0
        self._segment: Segment | None = None
        self._closed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loopline-recorder", daemon=True)
        self._thread.start()

    def offer(self, entry: bytes, head: bytes = b"") -> bool:
        """Take an entry; False where there is no room for it. Call it from one thread. Never waits, never raises.

        Those with one head (entry.py) that come one after the other are written as batches; without a head each by itself.
        """
        size = len(entry)
        if self._taken - self._done + size > self._limit or self._closed:
            self.dropped += 1
            return False
        self._taken += size
        self._waiting.append((head, entry))
        return True

    def close(self, within_s: float = 2.0) -> bool:
        """Write what waits and finish the segment, within a time; False where something was lost. Later offers are dropped."""
        self._closed = True
        self._stop.set()
        self._thread.join(within_s)
        left = len(self._waiting) + len(self._batch) if self._thread.is_alive() else self._lost
        self.dropped += left
        return not left

    def _run(self) -> None:
        while not self._stop.wait(self._flush_s):
            with contextlib.suppress(OSError):
                if not self._step():
                    self._stop.wait(_RETRY_S)
        last = self._step()  # nothing is taken any more
        self._lost = len(self._waiting) + len(self._batch) if not last else 0
        self._roll()

    def _step(self) -> bool:
        """Write all that waits; False where the system refuses."""
        try:
            while self._waiting or self._batch:
                if self._segment is None:
                    self._segment = Segment(self._folder)
                more = self._write(self._segment)
                if self._segment.size >= self._roll_bytes:
                    self._roll()
                if not more:
                    break  # what has come meanwhile is written with what comes next
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return False
        self.trouble = ""
        if self._segment and time.monotonic() - self._segment.began > self._roll_s:
            self._roll()
        return True

    def _write(self, segment: Segment) -> bool:
        """Append a batch, one that could not be written before any other. Tell whether it was full, so that more may wait."""
        size = sum(len(entry) for _, entry in self._batch)
        while self._waiting and size < _BATCH:  # popped one by one: the other thread adds meanwhile
            one = self._waiting.popleft()
            self._batch.append(one)
            size += len(one[1])
        segment.append(b"".join(map(framed, _contents(self._batch))))
        self._batch.clear()
        self._done += size
        return size >= _BATCH

    def _roll(self) -> None:
        segment, self._segment = self._segment, None
        if segment:
            with contextlib.suppress(OSError):  # it stays open without a lock, and is taken over
                segment.finish()


class Segment:
    """A file that is being written, locked for as long as its writer lives."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.size = 0
        while True:
            fresh = folder / f".new-{os.getpid()}-{next(_NUMBERS)}"
            self._file = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                made = os.fstat(self._file)
                # Of the file system's time, so that names sort by age, and never comes again: a part is named after it.
                self.path = folder / f"{made.st_mtime_ns:016x}-{fresh.name.removeprefix('.new-')}{OPEN}"
                fresh.rename(self.path)
            except FileNotFoundError:  # somebody took it for left over
                os.close(self._file)
                continue
            except BaseException:
                os.close(self._file)
                raise
            return

    def append(self, data: bytes) -> None:
        """Write all of it or, where the disk is full, as if nothing had been written."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    def finish(self) -> None:
        """Say that it is whole, and let it go."""
        try:
            self.path.rename(self.path.with_suffix(READY))
        finally:
            os.close(self._file)


def _contents(taken: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Give what frames hold."""
    for head, group in itertools.groupby(taken, itemgetter(0)):
        entries = [entry for _, entry in group]
        if head:
            yield from (batched(head, entries[at : at + _TOGETHER]) for at in range(0, len(entries), _TOGETHER))
        else:
            yield from entries


def ready(folder: Path) -> list[Path]:
    """Give the finished segments of a deployment's folder, oldest first, after those of dead processes were taken over."""
    home = Path(folder) / SEGMENTS
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(home):
            if name.endswith(OPEN) or name.startswith(".new-"):
                _take_over(home / name)
        return sorted(home / name for name in os.listdir(home) if name.endswith(READY))
    return []


def unfinished(folder: Path) -> list[Path]:
    """Give the segments that are being written, oldest first."""
    home = Path(folder) / SEGMENTS
    with contextlib.suppress(FileNotFoundError):
        return sorted(home / name for name in os.listdir(home) if name.endswith(OPEN))
    return []


def _take_over(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, BlockingIOError, PermissionError):
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.name.endswith(OPEN):
                path.rename(path.with_suffix(READY))
            else:
                path.unlink()
        finally:
            os.close(file)
