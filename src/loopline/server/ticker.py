"""ticker: what time asks for, done by one server at a time.

A *duty* is small, may be done twice, and does not know the others: when one fails, that is logged and the rest goes on. Who
ticks holds the lease `ticker`; its fence is held against the ledger in front of each duty, so that of two servers one ticks, also
after a pause.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.actor import Actor

if TYPE_CHECKING:
    from loopline.ledger.leases import Lease
    from loopline.loop import Loop

TICKER: Final = Actor("trigger", "ticker", verified=True)
NAME: Final = "ticker"
EVERY_S: Final = 1.0
LASTING: Final = 15_000_000
"""Microseconds of the lease: how long nobody ticks after a server is lost."""
SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * SECOND
_log = logging.getLogger("loopline.server")


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is to be done again and again."""

    name: str
    every: int
    """Microseconds."""
    do: Callable[[Loop], object]
    """Takes the server's loop. May be called from any server, and again after it failed in the middle."""


def duties() -> tuple[Duty, ...]:
    """List what the ticker does."""
    from loopline.server import sweeping as s

    return (
        Duty("lost tasks", SECOND, s.requeue_lost_tasks),
        Duty("triggers", 2 * SECOND, s.tick_triggers),
        Duty("dead runs", 30 * SECOND, s.bury_dead_runs),
        Duty("silent workers", 60 * SECOND, s.forget_silent_workers),
        Duty("old replies", 600 * SECOND, s.sweep_replies),
        Duty("ended sessions", 600 * SECOND, s.sweep_sessions),
        Duty("abandoned uploads", 3600 * SECOND, s.sweep_uploads),
        Duty("abandoned parts", 3600 * SECOND, s.sweep_parts),
        Duty("scratch of dead runs", 3600 * SECOND, s.sweep_folders),
    )


class Ticker:
    """The ticker of one process. Several may run; one of them ticks."""

    def __init__(self, loop: Loop, *, listed: tuple[Duty, ...] | None = None, holder: str = "") -> None:
        self._loop = replace(loop, actor=TICKER)
        self._duties = duties() if listed is None else listed
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}:{loop.ids.new()[-8:]}"
        self._lease: Lease | None = None
        self._done: dict[str, int] = {}

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set, then let another go on at once."""
        while not stop.wait(EVERY_S):
            try:
                self.tick()
            except LooplineError as error:  # no database for a while: its own log says more than we know
                _log.warning("the ticker waits: %s", error.message)
            except Exception:  # noqa: BLE001 (it ticks on)
                _log.exception("the ticker has a defect")
        self.let_go()

    def tick(self) -> tuple[str, ...]:
        """Do what is due, if this process holds the lease or can get it. Give the names of the duties that were done."""
        if not self._hold():
            return ()
        done, now = [], self._loop.clock.now()
        for duty in self._duties:
            if now - self._done.get(duty.name, -duty.every) < duty.every:
                continue
            if not self._still():
                break
            self._done[duty.name] = now
            try:
                duty.do(self._loop)
            except LooplineError as error:
                _log.warning("%s: %s", duty.name, error.message)
            except Exception:  # noqa: BLE001 (the others go on)
                _log.exception("%s", duty.name)
            else:
                done.append(duty.name)
        return tuple(done)

    def let_go(self) -> None:
        """Give the lease back."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            with self._loop.ledger.telemetry() as tables:
                tables.leases.give_back(lease)
        except LooplineError as error:
            _log.warning("the ticker's lease runs out by itself: %s", error.message)

    def _hold(self) -> bool:
        """Take the lease, or hold on to it once half of it is gone."""
        lease = self._lease
        if lease is not None and lease.until - self._loop.clock.now() > LASTING // 2:
            return True
        try:
            with self._loop.ledger.telemetry() as tables:
                if lease is None:
                    self._lease = tables.leases.take(NAME, self._holder, lasting=LASTING)
                else:
                    self._lease = tables.leases.renew(lease, lasting=LASTING)
        except Conflict:
            self._lease = None
            return False
        return True

    def _still(self) -> bool:
        """Look whether the lease is still this process's: it may have been paused, or a duty may have taken long."""
        if self._lease is None or not self._hold():
            return False
        try:
            with self._loop.ledger.read() as tx:
                tx.leases.check(self._lease)
        except Conflict:
            self._lease = None
            return False
        return True
