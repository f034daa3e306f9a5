"""clock: time and ids that a test decides."""

from __future__ import annotations

import itertools
from hashlib import shake_256
from typing import Final

START: Final = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC in microseconds."""


class FakeClock:
    """Stands still until it is moved; with `step`, each reading moves it by that many microseconds.

    `set` may also move it back, as a broken wall clock does: a test of a clock that jumps needs that.
    """

    def __init__(self, start: int = START, *, step: int = 0) -> None:
        self.time = start
        self.step = step

    def now(self) -> int:
        """Give the time, then move by `step`."""
        time = self.time
        self.time += self.step
        return time

    def set(self, time: int) -> None:
        """Make it `time`, in microseconds since the epoch."""
        self.time = time

    def advance(self, *, seconds: float = 0, microseconds: int = 0) -> int:
        """Move on, and give the new time."""
        self.time += round(seconds * 1_000_000) + microseconds
        return self.time


class SequentialIds:
    """Ids of the form of a UUIDv7 that count: two tests get the same, one test never the same twice."""

    def __init__(self, start: int = START) -> None:
        self._milliseconds = start // 1000
        self._numbers = itertools.count(1)

    def new(self) -> str:
        """Give the next id as 32 hex digits; its last digits are its number, and later ids sort behind earlier ones."""
        number = next(self._numbers)
        return f"{self._milliseconds:012x}7{0:03x}8{number:015x}"

    def chance(self, size: int) -> bytes:
        """Give bytes that look like chance and come in the same sequence each time."""
        return shake_256(str(next(self._numbers)).encode()).digest(size)
