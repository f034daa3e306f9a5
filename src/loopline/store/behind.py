"""behind: work on bytes that pass by, done in order on a thread of its own while the caller goes on.

Reading, hashing and writing need a core each. They let go of the interpreter, so that on two cores a large blob takes as long as
the dearer part of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Queue
from types import TracebackType
from typing import Final, Self

PIECE: Final = 1 << 20
"""Bytes that are handed on together: what comes in smaller chunks would cost more to hand on than to work on."""
AHEAD: Final = 4
"""Pieces that wait at most: a caller that is faster waits for the thread."""


class Behind:
    """Calls `work` with every chunk, in order. Left without an error it has done all of it, or raises what `work` raised."""

    def __init__(self, work: Callable[[bytes], object]) -> None:
        self._work = work
        self._held: list[bytes] = []
        self._size = 0
        self._error: BaseException | None = None
        self._queue: Queue[Sequence[bytes] | None] = Queue(AHEAD)
        self._thread: threading.Thread | None = threading.Thread(target=self._run, name="loopline-behind", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends, and takes no more threads
            self._thread = None

    def take(self, chunk: bytes) -> None:
        """Hand on a chunk, which nobody changes any more. Raise what has gone wrong with those before."""
        if self._error is not None:
            raise self._error
        if self._thread is None:
            self._work(chunk)
            return
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size >= PIECE:
            self._hand_on()

    def end(self) -> None:
        """Wait until all is done, and let go of the thread. Raise what `work` raised. Calling it again does nothing more."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._hand_on()
            self._queue.put(None)
            thread.join()
        if self._error is not None:
            raise self._error

    def _hand_on(self) -> None:
        held, self._held, self._size = self._held, [], 0
        self._queue.put(held)

    def _run(self) -> None:
        while (chunks := self._queue.get()) is not None:
            for chunk in chunks:
                if self._error is None:
                    try:
                        self._work(chunk)
                    except BaseException as error:  # noqa: BLE001 (whoever waits is told)
                        self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.end()
        except BaseException:
            if error is None:
                raise
