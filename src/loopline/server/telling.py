"""telling: one thread's work for one subscription, under a lease: event after event, in order, at least once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import MessageError
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from loopline.errors import LooplineError, Refused
from loopline.server.mailing import IN_CLEAR, NO_SERVER, NOT_ALLOWED, Mailing, Post
from loopline.server.messages import headers, messages, silent, wanted
from loopline.server.posting import Answer, Line
from loopline.server.signing import keys_at
from loopline.settings.server import Smtp
from loopline.verbs.hooking import secret_of
from loopline.verbs.subscribe import SEALED

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
TOGETHER: Final = 5000
"""Events of which one e-mail tells at most; it lists some of them."""
PAUSING: Final = ("host-not-allowed", "no-signing-secret", NO_SERVER, NOT_ALLOWED, IN_CLEAR, "secret-missing")
"""Kinds of errors that no further try mends: somebody has to."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard the relay tries. Times are in seconds."""

    threads: int = 16
    poll: float = 1.0
    """How often it looks for what other processes wrote."""
    timeout: float = 15.0
    """For one request, from the connection to the end of the answer (Standard Webhooks asks for 15 to 30)."""
    mail: float = 30.0
    """For one e-mail, from the connection to the end: mail servers take their time. Less than the lease."""
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
    gather: float = 60.0
    """Between two e-mails of a subscription: what comes meanwhile is told in one."""
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
        self, loop: Loop, hosts: Hosts, pace: Pace, *, lease: Lease, stopping: Callable[[], bool], secrets: str = "",
        post: Post | None = None, tell: Tell = untold,
    ) -> None:  # fmt: skip
        self._loop, self._hosts, self._pace, self._secrets, self._post = loop, hosts, pace, secrets, post
        self._lease, self._until = lease, time.monotonic() + pace.lease
        self._stopping = stopping
        self._told = tell
        self._line: Line | None = None
        self._mailing: Mailing | None = None
        self._keys: tuple[bytes, ...] = ()
        self.quick = True
        """Whether every try succeeded, and soon."""

    def cut(self) -> None:
        """End the request that is under way, from another thread."""
        for one in (self._line, self._mailing):
            if one is not None:
                one.cut()

    def go(self, number: str) -> None:
        """Tell the subscription of that id what there is, until a try fails, the time is over, or the relay is stopped."""
        with self._loop.ledger.read() as tx:
            one = tx.subscriptions.by_id(number)
        if one is None or one.paused_at is not None:
            return
        began, told = time.monotonic(), 0
        here: Subscription | None = one
        try:
            self._open(one)
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

    def _open(self, one: Subscription) -> None:
        """Find what is needed to reach a subscriber. Raise Refused where somebody has to change the settings first."""
        if one.format == "mail":
            if self._post is None:
                raise Refused("this server sends no e-mails", kind=NO_SERVER, hint="set LOOPLINE_SMTP_HOST for it")
            self._mailing = Mailing(self._post.smtp, one.url.partition(":")[2], timeout=self._pace.mail)
        else:
            self._keys = self._keys_of(one)
            self._line = Line(one.url, self._hosts, timeout=self._pace.timeout)

    def _keys_of(self, one: Subscription) -> tuple[bytes, ...]:
        if one.secret != SEALED:
            return keys_at(one.secret, folder=self._secrets, plain=one.format == "mlflow")
        with self._loop.ledger.read() as tx:
            return (secret_of(self._loop, tx, one).encode(),)

    def _next(self, one: Subscription) -> Subscription | None:
        """Send the next event, or first a dead one that somebody asks for. None: there is nothing more to do now."""
        most = PAGE if self._mailing is None else TOGETHER
        with self._loop.ledger.read() as tx:
            asked = tx.subscriptions.asked(one)
            after = one.position if asked is None else asked.seq - 1
            page = tx.feed.list(one.project, after=after, limit=most if asked is None else 1)
            tried = tx.subscriptions.tried(one) if self._mailing is not None and one.failures else 0
        if asked is not None:
            return self._once_more(one, asked, page[0])
        if (
            tried
        ):  # the e-mail that failed, and nothing that has come since: it is the same message, and has had as many tries
            page = [event for event in page if event.seq <= tried]
        here = [event for event in page if wanted(one, event)]
        if self._mailing is not None and here:
            return self._gather(one, here, page[-1].seq)
        if here:
            return self._tell(one, here[0])
        return self._keep(lambda tx: tx.subscriptions.advance(one, page[-1].seq)) if page else None

    def _gather(self, one: Subscription, wanted: list[Event], upto: int) -> Subscription | None:
        """Tell what has come in one e-mail; soon after the last one, wait for what else comes."""
        wanted = [event for event in wanted if not silent(event)]
        if not wanted:
            return self._keep(lambda tx: tx.subscriptions.advance(one, upto))
        ready = (one.delivered_at or 0) + round(self._pace.gather * 1e6)
        now = self._loop.clock.now()
        if one.delivered_at is not None and one.delivered_at <= now < ready:  # not where the clock was put back
            self._keep(lambda tx: tx.subscriptions.wait(one, ready))
            return None
        return self._tell(one, *wanted, upto=upto)

    def _tell(self, one: Subscription, *events: Event, upto: int = 0) -> Subscription | None:
        """Send one event (by e-mail, several) and keep what came of it. None: it did not arrive, and is tried later."""
        event = events[0]
        answer = self._send(one, *events)
        if answer is None:
            return self._keep(lambda tx: tx.subscriptions.advance(one, event.seq))
        status, error, asked = answer
        if not error:
            self._told("delivered")
            return self._keep(lambda tx: tx.subscriptions.advance(one, upto or event.seq, status=status))
        self.quick = False
        if self._stopping() and not status:
            return None  # we cut it ourselves: nobody failed
        self._told("failed")
        if status != GONE and one.failures + 1 >= self._pace.tries:
            self._told("dead")
            return self._keep(lambda tx: _give_up(tx, one, events, answer))
        later = round(self._pace.wait(one.failures + 1, asked, random.random()) * 1e6)  # noqa: S311 (jitter)
        failed = self._keep(
            lambda tx: tx.subscriptions.fail(one, upto or event.seq, status=status, error=error, next_at=tx.now + later)
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

    def _send(self, one: Subscription, event: Event, *more: Event) -> Answer | None:
        """Send what an event (by e-mail, several) means to this subscription. None: it means nothing to it."""
        if self._mailing is not None:
            return self._mail(self._mailing, one, (event, *more))
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
            said = headers(one, letter, now, self._keys)
            answer = self._line.post(letter.body, said, now=now) if self._line else None
            if answer is None or answer.error:
                break
        return answer

    def _mail(self, mailing: Mailing, one: Subscription, events: tuple[Event, ...]) -> Answer:
        from loopline.server.letters import letter

        self._renew()
        try:
            with self._loop.ledger.read() as tx:
                written = letter(tx, self._post or Post(Smtp()), one.url.partition(":")[2], events)
        except (LookupError, TypeError, ValueError, MessageError) as error:  # as above: the others must not wait for it
            LOG.exception("events %s of %s cannot be told to %s", events[0].seq, one.project, one.name)
            return Answer(0, f"these events cannot be written as mail: {type(error).__name__}")
        return mailing.send(written)

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


def _give_up(tx: Tables, one: Subscription, events: tuple[Event, ...], answer: Answer) -> Subscription:
    """Keep events as dead, one by one, so that each can be asked for again."""
    for event in events:
        one = tx.subscriptions.give_up(one, event.seq, status=answer.status, error=answer.error)
    return one
