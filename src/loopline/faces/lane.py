"""lane: short writes of many requests, one after the other on one thread, in transactions that they share.

While the disk takes one transaction, those who come wait; all of them are in the next. So each waits for the disk once or twice,
however many come, and the one connection that writes keeps in memory what it writes to.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from loopline.ledger.ledger import Ledger

T = TypeVar("T")
MOST: Final = 64
"""Pieces of work in one transaction: other processes want to write, too."""
_Waiting = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Lane:
    """One thread that writes for whoever asks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loopline-lane")
        self._waiting: deque[_Waiting] = deque()
        self._guard = threading.Lock()
        self._busy = False

    async def do(self, work: Callable[[], T]) -> T:
        """Do a short piece of work that writes to the ledger; give what it gives, or raise, when that is durable."""
        here = asyncio.get_running_loop()
        future: asyncio.Future[T] = here.create_future()
        with self._guard:
            self._waiting.append((work, future, here))
            idle, self._busy = not self._busy, True
        if idle:
            self._thread.submit(self._drain)
        return await future

    def end(self) -> None:
        """Finish what waits and let go of the thread."""
        self._thread.shutdown(wait=True)

    def _drain(self) -> None:
        while True:
            with self._guard:
                if not self._waiting:
                    self._busy = False
                    return
                group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            done = self._ledger.together([work for work, _, _ in group])
            for home in {home for _, _, home in group}:
                mine = [(future, what) for (_, future, place), what in zip(group, done, strict=True) if place is home]
                with suppress(RuntimeError):  # that event loop has ended
                    home.call_soon_threadsafe(_answer, mine)


def _answer(done: Sequence[tuple[asyncio.Future[Any], object]]) -> None:
    for future, what in done:
        if future.done():
            continue  # whoever asked has gone
        if isinstance(what, Exception):
            future.set_exception(what)
        else:
            future.set_result(cast("Any", what))
