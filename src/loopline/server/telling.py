"""telling: one thread's work for one subscription, under a lease: event after event, in order, at least once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from loopline.errors import LooplineError
from loopline.server.messages import messages
from loopline.server.posting import Answer, Line
from loopline.server.signing import keys_at, signature

if TYPE_CHECKING:
    from loopline.ledger.leases import Lease
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.event import Event
    from loopline.nouns.subscription import Delivery, Subscription
    from loopline.server.hosts import Hosts

T = TypeVar("T")
LOG: Final = logging.getLogger("loopline.relay")
GONE: Final = 410
PAGE: Final = 200
DAY: Final = 24 * 3600.0
PAUSING: Final = ("host-not-allowed", "no-signing-secret")
"""Kinds of errors that no further try mends: somebody has to."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard the relay tries. Times are in seconds."""

    threads: int = 16
    poll: float = 1.0
    """How often it looks for what other processes wrote."""
    timeout: float = 15.0
    """For one request, from the connection to the end of the answer (Standard Webhooks asks for 15 to 30)."""
    tries: int = 16
    """Of one event; with the times below that is about five hours."""
    first: float = 1.0
    """Before the second try; doubled with each."""
    longest: float = 3600.0
    lease: float = 40.0
    """After a crash nobody sends for so long; it holds for two requests and some more."""
    turn: float = 5.0
    """After which others get the thread."""
    slow: float = 1.0
    """Mean time for an event from which on a receiver counts as slow."""
    grace: float = 3.0
    """For requests under way when it is stopped."""

    def wait(self, failures: int, asked: float | None, chance: float) -> float:
        """Say how long to wait after so many failures: exponential, less up to half by chance, never less than was asked for."""
        back_off = min(self.longest, self.first * 2.0 ** min(failures - 1, 40)) * (1 - chance / 2)
        return float(max(back_off, min(asked or 0.0, DAY)))


def untold(_what: Literal["delivered", "failed", "dead"]) -> None:
    """Count nothing."""


Tell = Callable[[Literal["delivered", "failed", "dead"]], None]
"""Told what became of each try."""


class Turn:
    """One turn. `go` raises LooplineError where another server has taken over, or the database does not answer."""

    def __init__(
        self,
        loop: Loop,
        hosts: Hosts,
        pace: Pace,
        *,
        lease: Lease,
        stopping: Callable[[], bool],
        secrets: str = "",
        tell: Tell = untold,
    ) -> None:
        self._loop, self._hosts, self._pace, self._secrets = loop, hosts, pace, secrets
        self._lease, self._until = lease, time.monotonic() + pace.lease
        self._stopping = stopping
        self._told = tell
        self._line: Line | None = None
        self._keys: tuple[bytes, ...] = ()
        self.quick = True
        """Whether every try succeeded, and soon."""

    def cut(self) -> None:
        """End the request that is under way, from another thread."""
        if self._line is not None:
            self._line.cut()

    def go(self, number: str) -> None:
        """Tell the subscription of that id what there is, until a try fails, the time is over, or the relay is stopped."""
        with self._loop.ledger.read() as tx:
            one = tx.subscriptions.by_id(number)
        if one is None or one.paused_at is not None:
            return
        began, told = time.monotonic(), 0
        here: Subscription | None = one
        try:
            self._keys = keys_at(one.secret, folder=self._secrets)
            self._line = Line(one.url, self._hosts, timeout=self._pace.timeout)
            while here is not None and not self._stopping() and time.monotonic() - began < self._pace.turn:
                one = here
                here = self._next(one)
                told += 1
        except LooplineError as error:
            if error.kind not in PAUSING:
                raise
            self.quick = False
            self._pause(one, error.message)
        finally:
            self.quick &= (time.monotonic() - began) / max(1, told) < self._pace.slow
            if self._line is not None:
                self._line.close()

    def _next(self, one: Subscription) -> Subscription | None:
        """Send the next event, or first a dead one that somebody asks for. None: there is nothing more to do now."""
        with self._loop.ledger.read() as tx:
            asked = tx.subscriptions.asked(one)
            after = one.position if asked is None else asked.seq - 1
            page = tx.feed.list(one.project, after=after, limit=PAGE if asked is None else 1)
        if asked is not None:
            return self._once_more(one, asked, page[0])
        for event in page:
            if any(fnmatchcase(event.kind, glob) for glob in one.kinds):
                return self._tell(one, event)
        return self._keep(lambda tx: tx.subscriptions.advance(one, page[-1].seq)) if page else None

    def _tell(self, one: Subscription, event: Event) -> Subscription | None:
        """Send one event and keep what came of it. None: it did not arrive, and is tried later."""
        answer = self._send(one, event)
        if answer is None:
            return self._keep(lambda tx: tx.subscriptions.advance(one, event.seq))
        status, error, asked = answer
        if not error:
            self._told("delivered")
            return self._keep(lambda tx: tx.subscriptions.advance(one, event.seq, status=status))
        self.quick = False
        if self._stopping() and not status:
            return None  # we cut it ourselves: nobody failed
        self._told("failed")
        if status != GONE and one.failures + 1 >= self._pace.tries:
            self._told("dead")
            return self._keep(lambda tx: tx.subscriptions.give_up(one, event.seq, status=status, error=error))
        later = round(self._pace.wait(one.failures + 1, asked, random.random()) * 1e6)  # noqa: S311 (jitter)
        failed = self._keep(
            lambda tx: tx.subscriptions.fail(one, event.seq, status=status, error=error, next_at=tx.now + later)
        )
        if status == GONE:
            self._pause(failed, "410 Gone: the receiver wants nothing more")
        return None

    def _once_more(self, one: Subscription, asked: Delivery, event: Event) -> Subscription | None:
        """Try a dead event for which somebody asked."""
        answer = self._send(one, event) or Answer(0, "")
        self.quick &= not answer.error
        if answer.error and self._stopping() and not answer.status:
            return None
        self._told("failed" if answer.error else "delivered")
        self._keep(lambda tx: tx.subscriptions.answer(one, asked, status=answer.status, error=answer.error))
        return one

    def _send(self, one: Subscription, event: Event) -> Answer | None:
        """Send what an event means to this subscription. None: it means nothing to it."""
        try:
            with self._loop.ledger.read() as tx:
                letters = messages(tx, one, event)
        except (LookupError, TypeError, ValueError) as error:  # one event that cannot be told must not stop the others
            LOG.exception("event %s of %s cannot be told to %s", event.seq, event.project, one.name)
            return Answer(0, f"this event cannot be written as {one.format}: {type(error).__name__}")
        answer = None
        for letter in letters:
            if time.monotonic() > self._until - 2 * self._pace.timeout:
                self._renew()
            now = self._loop.clock.now() // 1_000_000
            headers = {"Content-Type": "application/json", "User-Agent": "loopline", "webhook-id": letter.id}
            headers["webhook-timestamp"] = str(now)
            if self._keys:
                headers["webhook-signature"] = signature(self._keys, letter.id, now, letter.body)
            answer = self._line.post(letter.body, headers, now=now) if self._line else None
            if answer is None or answer.error:
                break
        return answer

    def _keep(self, what: Callable[[Tables], T]) -> T:
        """Write something down, if this turn still has its lease."""
        with self._loop.ledger.telemetry() as tx:
            tx.leases.check(self._lease)
            return what(tx)

    def _renew(self) -> None:
        with self._loop.ledger.telemetry() as tx:
            self._lease = tx.leases.renew(self._lease, lasting=round(self._pace.lease * 1e6))
        self._until = time.monotonic() + self._pace.lease

    def _pause(self, one: Subscription, why: str) -> None:
        with self._loop.ledger.write(one.project, self._loop.actor) as tx:
            tx.leases.check(self._lease)
            tx.subscriptions.pause(one, why)
            tx.say("subscription.paused", one.name, why=why, position=one.position)
