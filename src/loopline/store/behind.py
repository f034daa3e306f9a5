"""behind: work on bytes that pass by, done in order on a thread of its own while the caller goes on.

Reading, hashing and writing need a core each. They let go of the interpreter, so that on two cores a large blob takes as long as
the dearer part of it.

The thread is one of a pool: an interpreter that ends waits for what was handed on, and takes no more. What comes then, from
somebody who is only now collected, is done at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

PIECE: Final = 1 << 20
"""Bytes that are handed on together: what comes in smaller chunks would cost more to hand on than to work on."""
AHEAD: Final = 4
"""Pieces that wait at most: a caller that is faster waits for the thread."""


def _pool() -> ThreadPoolExecutor | None:
    """Give a pool of one thread; None where the interpreter ends."""
    try:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, thread_name_prefix="loopline-behind")
    except (ImportError, RuntimeError):
        return None


class Behind:
    """Calls `work` with every chunk, in order. Left without an error it has done all of it, or raises what `work` raised."""

    def __init__(self, work: Callable[[bytes], object]) -> None:
        self._work = work
        self._pool = _pool()
        self._failed = False
        self._waiting: deque[Future[None]] = deque()
        self._held: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> None:
        """Hand on a chunk, which nobody changes any more. Raise what has gone wrong with those before."""
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size >= PIECE:
            self._hand_on()

    def end(self) -> None:
        """Wait until all is done, and let go of the thread. Raise what `work` raised."""
        self._hand_on()
        while self._waiting:
            self._next()
        self.drop(wait=True)

    def drop(self, *, wait: bool = False) -> None:
        """Give up what has not begun, and let go of the thread; perhaps once it has ended what it is at."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)

    def _hand_on(self) -> None:
        while len(self._waiting) >= AHEAD or (self._waiting and self._waiting[0].done()):
            self._next()
        held, self._held, self._size = self._held, [], 0
        if self._pool is not None:
            try:
                self._waiting.append(self._pool.submit(self._do, held))
            except RuntimeError:  # the interpreter ends
                self._pool = None
            else:
                return
        while self._waiting:
            self._next()
        self._do(held)

    def _next(self) -> None:
        """Wait for the oldest that waits."""
        one = self._waiting.popleft()
        try:
            one.result()
        except BaseException:
            self.drop()
            raise

    def _do(self, chunks: Sequence[bytes]) -> None:
        """Work on some, unless it went wrong before."""
        if self._failed:
            return
        try:
            for chunk in chunks:
                self._work(chunk)
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self.drop(wait=True)
            return
        try:
            self.end()
        except BaseException:
            self.drop(wait=True)
            raise
