"""system: the clock and the ids of this machine."""

from __future__ import annotations

import os
import threading
import time


def here() -> str:
    """Name this machine and process, for people."""
    import socket

    return f"{socket.gethostname()} {os.getpid()}"


class SystemClock:
    """The wall clock. It never gives less than before within this process, whatever the machine's clock does."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """Give microseconds since the epoch, UTC."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1000)
            return self._last


class SystemIds:
    """UUIDv7 (RFC 9562 §5.7, with a counter in rand_a, §6.2 method 1): each id is greater than the one before it.

    The 62 random bits are fresh in every id, so a forked process does not repeat those of its parent.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """Give the next id as 32 hex digits."""
        with self._lock:
            self._last = max(self._last + 1, (time.time_ns() // 1_000_000) << 12)
            milliseconds, count = self._last >> 12, self._last & 0xFFF
        chance = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
        return f"{(milliseconds << 80) | (7 << 76) | (count << 64) | (2 << 62) | chance:032x}"

    def chance(self, size: int) -> bytes:
        """Give `size` bytes of the system's source of secrets."""
        return os.urandom(size)
