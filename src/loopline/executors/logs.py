"""logs: what a job prints, in a file that cannot grow without bound."""

from __future__ import annotations

import contextlib
import os
from typing import Final

CAP: Final = 16 << 20
_NOTE: Final = "\n[... {:>16} bytes left out here ...]\n"
_LINE: Final = 4096


class CappedLog:
    """A file that keeps the first and the last half of `cap` bytes, and says how much it left out between.

    While it grows it may hold half as much again. It can be read at any time. It never raises: a log that cannot be
    written is lost, not the job.
    """

    def __init__(self, path: str, cap: int = CAP) -> None:
        self._head = cap // 2
        self._tail = cap - self._head
        self._cap = cap
        self._length = 0
        self._floor = self._head  # where what is kept of the tail begins
        self.total = 0
        """Bytes that were printed."""
        self.lost = ""
        """Why nothing more is written, where something failed."""
        self._number = -1
        try:
            self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as caught:
            self.lost = str(caught)

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self.total += len(data)
        if self._number < 0:
            return
        try:
            view = memoryview(data)
            while view:
                done = os.write(self._number, view)
                self._length += done
                view = view[done:]
            if self._length > self._cap + self._tail:
                self._shorten()
        except OSError as caught:
            self.lost = str(caught)
            self._shut()

    def close(self) -> None:
        """Bring it to its final size. May be repeated."""
        if self._number >= 0 and self.total > self._cap:
            with contextlib.suppress(OSError):
                self._shorten()
        self._shut()

    def _shorten(self) -> None:
        start = max(self._floor, self._length - self._tail)
        keep = os.pread(self._number, self._length - start, start)
        newline = keep.find(b"\n", 0, _LINE)
        keep = keep[newline + 1 :]
        note = _NOTE.format(self.total - self._head - len(keep)).encode()
        os.lseek(self._number, self._head, os.SEEK_SET)
        for piece in (note, keep):
            view = memoryview(piece)
            while view:
                view = view[os.write(self._number, view) :]
        self._floor = self._head + len(note)
        self._length = self._floor + len(keep)
        os.ftruncate(self._number, self._length)

    def _shut(self) -> None:
        if self._number >= 0:
            with contextlib.suppress(OSError):
                os.close(self._number)
            self._number = -1
