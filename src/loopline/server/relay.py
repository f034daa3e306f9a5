"""relay: tells the subscriptions of every project what happens: in order, at least once, one server at a time.

A *turn* is what one thread does for one subscription: it takes the lease, sends event after event, keeps after each how far it
is, and gives the lease back. A subscription that failed or answered slowly in its last turn shares half of the threads with
its like, so that it never makes the others wait. Killed at any moment, the next relay begins at the first event that was not
kept as delivered; a receiver tells a repetition by its `webhook-id`.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.actor import Actor
from loopline.server.telling import LOG, Pace, Tell, Turn, untold

if TYPE_CHECKING:
    from loopline.ledger.leases import Lease
    from loopline.loop import Loop
    from loopline.server.hosts import Hosts
    from loopline.server.mailing import Post

__all__ = ["Pace", "Relay"]

RELAY: Final = Actor("trigger", "relay", verified=True)
KEPT: Final = 30 * 24 * 3600 * 1_000_000
"""Microseconds that a try is listed; one that is dead stays until it arrives."""
HOUR: Final = 3600.0


class Relay:
    """The loop of one process. `run` blocks until `stop` is set; several processes may run one each."""

    def __init__(
        self,
        loop: Loop,
        hosts: Hosts,
        *,
        pace: Pace | None = None,
        secrets: str = "",
        post: Post | None = None,
        tell: Tell = untold,
    ) -> None:
        self._loop = replace(loop, actor=RELAY)
        self._hosts = hosts
        self._secrets = secrets
        self._told, self._post = tell, post
        self._pace = pace or Pace()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._busy: dict[str, bool] = {}
        """Subscriptions that have a thread, and whether it is one of those for the slow."""
        self._quick: set[str] = set()
        self._rest: dict[str, float] = {}
        """When each may have its next turn, by this process's clock; the longest ago goes first."""
        self._turns: set[Turn] = set()
        self._swept: float | None = None

    def wake(self, _project: str = "") -> None:
        """Look at once: something may have happened."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Tell everybody everything until `stop` is set. What is under way then may end within a few seconds, or is cut."""
        self._stopping.clear()
        self._loop.ledger.listeners.append(self.wake)
        pool = ThreadPoolExecutor(self._pace.threads, thread_name_prefix="loopline-relay")
        looked = -HOUR
        try:
            while not stop.is_set():
                if self._woken.wait(min(0.25, self._pace.poll)):
                    stop.wait(0.05)  # until the transaction around that write has ended too
                elif time.monotonic() - looked < self._pace.poll:
                    continue
                self._woken.clear()
                looked = time.monotonic()
                with suppress(LooplineError):  # a database that does not answer: the next look may find it
                    self._look(pool)
        finally:
            self._loop.ledger.listeners.remove(self.wake)
            self._end(pool)

    def _end(self, pool: ThreadPoolExecutor) -> None:
        self._stopping.set()
        until = time.monotonic() + self._pace.grace
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)
        while self._busy:
            with self._guard:
                for turn in self._turns:
                    turn.cut()
            time.sleep(0.01)
        pool.shutdown()

    def _look(self, pool: ThreadPoolExecutor) -> None:
        """Give a thread to each subscription that has something to be told, as far as there are threads."""
        with self._loop.ledger.read() as tx:
            due = tx.subscriptions.due()
        self._sweep()
        now = time.monotonic()
        for one in sorted(due, key=lambda one: self._rest.get(one.id, 0.0)):
            with self._guard:
                slow = one.id not in self._quick
                most = max(1, self._pace.threads // 2) if slow else self._pace.threads
                taken = sum(self._busy.values()) if slow else len(self._busy)
                if one.id in self._busy or taken >= most or self._rest.get(one.id, 0.0) > now:
                    continue
                self._busy[one.id] = slow
            pool.submit(self._turn, one.id)

    def _sweep(self) -> None:
        now = time.monotonic()
        if self._swept is None or now - self._swept > HOUR:
            self._swept = now
            with self._loop.ledger.telemetry() as tx:
                tx.subscriptions.sweep(tx.now - KEPT)

    def _turn(self, number: str) -> None:
        """Give one subscription its turn. Where that cannot be, it is looked at again a little later, not at once."""
        rest = self._pace.poll
        try:
            with self._leased(number) as lease:
                turn = Turn(
                    self._loop,
                    self._hosts,
                    self._pace,
                    lease=lease,
                    stopping=self._stopping.is_set,
                    secrets=self._secrets,
                    post=self._post,
                    tell=self._told,
                )
                with self._guard:
                    self._turns.add(turn)
                try:
                    turn.go(number)
                finally:
                    with self._guard:
                        self._turns.discard(turn)
                        (self._quick.add if turn.quick else self._quick.discard)(number)
            rest = 0.0
        except LooplineError as error:
            LOG.debug("no turn for subscription %s: %s", number, error)
        except Exception:  # noqa: BLE001 (a defect in one turn must not end the others)
            LOG.exception("the turn of subscription %s broke", number)
        finally:
            with self._guard:
                self._busy.pop(number, None)
                self._rest[number] = time.monotonic() + rest
            if not rest:
                self._woken.set()

    @contextmanager
    def _leased(self, number: str) -> Iterator[Lease]:
        """Be the only one who tells this subscription anything. Raise Conflict while another server does."""
        ledger = self._loop.ledger
        holder = f"{self._holder}:{threading.get_ident()}"
        with ledger.telemetry() as tx:
            lease = tx.leases.take(f"relay:{number}", holder, lasting=round(self._pace.lease * 1e6))
        try:
            yield lease
        finally:
            with suppress(LooplineError), ledger.telemetry() as tx:
                tx.leases.give_back(lease)
