"""attending: a process that is written down as a writer, and beats while it lives."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError

if TYPE_CHECKING:
    from loopline.ledger.ledger import Ledger, Tables

BEAT_S: Final = 15.0
_AGAIN_S: Final = 15.0
"""How long a ledger that could not be written is left alone."""


class Attendance:
    """Threads share it; a fork attends by itself. A ledger that cannot be written stops nobody from storing bytes."""

    def __init__(self, ledger: Ledger, new: Callable[[], str], place: str, *, every: float | None = BEAT_S) -> None:
        self._ledger = ledger
        self._every = every
        self._new = new
        self._place = place
        self.lasting: float | None = None
        """Seconds after which it is written down anew, for who never ends; what begins then must end within as many."""
        self._fresh()

    def _fresh(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._held: list[tuple[str, float]] = []
        self._next = 0.0

    def hold(self) -> None:
        """Be written down. Inside a write it does nothing: what that stores, it also commits."""
        if self._process != os.getpid():
            self._fresh()
        if self._held or self._ledger.dry or self._ledger.inside or time.monotonic() < self._next:
            return
        with self._guard:
            if self._held:
                return
            try:
                self._begin()
            except LooplineError:
                self._next = time.monotonic() + _AGAIN_S
                return
        if self._every is not None:
            thread = threading.Thread(
                target=self._beat, args=(self._stop, self._every), name="loopline-writer", daemon=True
            )
            thread.start()
            atexit.register(self.end)

    def check(self, tables: Tables) -> None:
        """Make sure, inside a commit, that nobody has given this process up. Raise Conflict kind="writer-lapsed"."""
        if self._held and self._process == os.getpid():
            try:
                tables.writers.hold(self._held[-1][0])
            except LooplineError:
                self._stop.set()
                self._fresh()  # what is stored from now on counts again
                raise

    def end(self) -> None:
        """Be struck off."""
        atexit.unregister(self.end)
        self._stop.set()
        if self._process != os.getpid():
            return
        held, self._held = self._held, []
        if held:
            with suppress(LooplineError), self._ledger.telemetry() as tables:
                for ident, _ in held:
                    tables.writers.end(ident)

    def tend(self) -> None:
        """Beat once; be written down anew, and struck off, where it is time."""
        with self._ledger.telemetry() as tables:
            for ident, _ in self._held:
                tables.writers.beat(ident)
        if self.lasting is None:
            return
        now = time.monotonic()
        with self._guard:
            if self._held and now - self._held[-1][1] >= self.lasting:
                self._begin()
            while len(self._held) > 1 and now - self._held[1][1] >= self.lasting:
                with self._ledger.telemetry() as tables:
                    tables.writers.end(self._held.pop(0)[0])

    def _begin(self) -> None:
        ident = self._new()
        with self._ledger.telemetry() as tables:
            tables.writers.begin(ident, self._place)
        self._held.append((ident, time.monotonic()))

    def _beat(self, stop: threading.Event, every: float) -> None:
        while not stop.wait(every):
            with suppress(LooplineError):
                self.tend()
