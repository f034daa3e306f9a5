"""clock: time, ids and chance as ports, so that everything can be replayed."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time. A wall clock may jump back; `now` of a Loop never gives less than before in one process."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""


class Ids(Protocol):
    """Makes names that nobody else makes."""

    def new(self) -> str:
        """Give a 128-bit, time-ordered id (UUIDv7, RFC 9562 §5.7) as 32 hex digits."""

    def chance(self, size: int) -> bytes:
        """Give `size` bytes that nobody can guess."""
