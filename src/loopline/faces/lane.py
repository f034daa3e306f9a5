"""lane: short writes of many requests, one after the other on one thread, in transactions that they share.

While the disk takes one transaction, those who come wait; all of them are in the next. So each waits for the disk once or twice,
however many come, and the one connection that writes keeps in memory what it writes to. Where several ask at once, the next
transaction waits a moment for as many as there were: whoever was answered asks again, and the disk is waited for once for all.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from loopline.ledger.ledger import Ledger

T = TypeVar("T")
MOST: Final = 64
"""Pieces of work in one transaction: other processes want to write, too."""
IDLE_S: Final = 10.0
"""How long the thread waits for work before it ends, and lets go of its connection."""
PATIENCE_S: Final = 0.0005
"""How long a transaction waits for those who were there before. Whoever is alone by then waits once, and no more."""
_Waiting = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Lane:
    """One thread that writes for whoever asks. It is there while there is work, and a little longer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[], T]) -> T:
        """Do a short piece of work that writes to the ledger; give what it gives, or raise, when that is durable."""
        here = asyncio.get_running_loop()
        future: asyncio.Future[T] = here.create_future()
        with self._guard:
            self._waiting.put((work, future, here))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="loopline-lane", daemon=True)
                self._thread.start()
        return await future

    def end(self) -> None:
        """Finish what waits and let go of the thread."""
        with self._guard:
            thread = self._thread
            if thread is not None:
                self._waiting.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        group, expected = self._next(1), 1
        while group is not None:
            if group:
                done = self._done(group)
                expected = min(len(group) + self._waiting.qsize(), MOST)
                _answer_all(group, done)
            group = self._next(expected)

    def _done(self, group: Sequence[_Waiting]) -> Sequence[object]:
        """Do all of it. Whatever goes wrong, each is answered, and the thread goes on: nobody else would write then."""
        try:
            return self._ledger.together([work for work, _, _ in group])
        except Exception as error:  # noqa: BLE001 (each is told)
            return [error for _ in group]

    def _next(self, expected: int) -> list[_Waiting] | None:
        """Wait for work and give all that is there, perhaps after a moment in which more was `expected`; None at the end."""
        group: list[_Waiting] = []
        end = 0.0
        try:
            while len(group) < MOST:
                patience = IDLE_S if not group else end - time.monotonic() if len(group) < expected else 0.0
                one = self._waiting.get(block=patience > 0, timeout=max(patience, 0.0))
                end = end or time.monotonic() + PATIENCE_S
                if one is None:
                    if group:
                        self._waiting.put(None)  # the end comes when these are written
                    break
                group.append(one)
        except Empty:
            pass
        if group:
            return group
        with self._guard:
            if self._waiting.empty():
                self._thread = None
                return None
        return []


def _answer_all(group: Sequence[_Waiting], done: Sequence[object]) -> None:
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
