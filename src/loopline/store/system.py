"""system: the clock and the ids of this machine, and a key that it keeps."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from loopline.errors import Unavailable


def here() -> str:
    """Name this machine and process, for people."""
    return f"{os.uname().nodename} {os.getpid()}"


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def kept_key(file: Path) -> bytes:
    """Give the key in a file; where there is none, make one of 32 bytes of chance, which only its owner can read.

    Of several processes that make it at once, all get the same. Raise Unavailable kind="key-unreadable", also for a file that
    everybody can read. Its group may: volumes of containers are mounted so.
    """
    try:
        with suppress(FileNotFoundError):
            return _read_key(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(os.urandom(32).hex().encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            with suppress(FileExistsError):
                os.link(half, file)  # unlike a rename it never replaces
        finally:
            os.unlink(half)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return _read_key(file)
    except OSError as error:
        raise _no_key(file, str(error.strerror)) from None


def _read_key(file: Path) -> bytes:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & 0o007:
            raise _no_key(file, "others can read it")
        key = opened.read().strip()
    if len(key) < 32:
        raise _no_key(file, "it is too short")
    return key


def _no_key(file: Path, why: str) -> Unavailable:
    return Unavailable(
        f"the key {file} cannot be used: {why}", kind="key-unreadable", hint=f"chmod 600 {file}, or give another", path=str(file),
        why=why,
    )  # fmt: skip
