"""window: a few calls at once, whose answers are taken in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")
AT_ONCE: Final = 4
"""Packs and objects, or pieces of packs, that are under way; so much is held in memory, and may be sent twice."""


class Window(Generic[T]):
    """Calls that are under way in threads, a few at once; whoever begins one more gets what the oldest gave."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once

    def __enter__(self) -> Self:
        """Begin the threads."""
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="loopline-far")
        self._running: deque[Future[list[T]]] = deque()
        return self

    def begin(self, work: Callable[..., list[T]], *args: object) -> Iterator[list[T]]:
        """Begin one more call."""
        self._running.append(self._pool.submit(work, *args))
        while len(self._running) > self._at_once:
            yield self._running.popleft().result()

    def rest(self) -> Iterator[list[T]]:
        """Wait for what is under way."""
        while self._running:
            yield self._running.popleft().result()

    def __exit__(self, *_: object) -> None:
        """Begin nothing more, and wait for the threads."""
        self._pool.shutdown(cancel_futures=True)
