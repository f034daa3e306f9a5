from __future__ import annotations

import asyncio
import threading
import time

from loopline.faces.desk import Bell


def test_a_bell_wakes_whoever_waits() -> None:
    """A ring from another thread ends the wait of everybody in the event loop at once; nobody waits, nothing happens."""
    bell = Bell()
    bell.ring()

    async def wait() -> float:
        began = time.monotonic()
        threading.Timer(0.1, bell.ring).start()
        await asyncio.gather(*(bell.wait(30) for _ in range(10)))
        return time.monotonic() - began

    assert asyncio.run(wait()) < 5
    bell.ring()


def test_a_wait_ends_by_itself() -> None:
    """Where nobody rings, time ends the wait."""
    began = time.monotonic()
    asyncio.run(Bell().wait(0.1))
    assert 0.05 < time.monotonic() - began < 5
