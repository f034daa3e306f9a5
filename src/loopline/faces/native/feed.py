"""feed: what happens, as it happens, /api/v1/feed/events.

One look for all: while anybody listens to a project, its head is read four times a second, and at once when this process has
written. Events are encoded once and kept in a short tail; a reader has no queue, only a place, and who falls behind the tail
reads from the ledger. So a thousand readers cost what their sockets cost, and one that does not read costs nothing more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from loopline.errors import Invalid
from loopline.faces.admit import admit
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.native.door import Welcome
from loopline.faces.native.stream import BEAT, BEAT_S, HELLO, Stream, message
from loopline.faces.problem import expected
from loopline.verbs import Verb
from loopline.verbs.plain import plain

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.desk import Desk
    from loopline.nouns.event import Event

T = TypeVar("T")

LOOK_S: Final = 0.25
KEPT: Final = 512
"""Events of a tail."""
PAGE: Final = 200
RECHECK_S: Final = 5.0
"""Seconds between two looks whether a reader is still let in."""
FEED: Final = Verb("feed", "read", "questions", "Tell what has happened.")


class Tail:
    """The newest events of one project, for whoever listens in this process."""

    def __init__(self, desk: Desk, project: str) -> None:
        self._desk, self._project = desk, project
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.readers = 0
        self.head = -1
        """Number of the newest event that was seen; -1 before the first look."""

    async def join(self) -> None:
        """Begin to listen; the first reader starts the looking. Whoever is cut off in here has to `leave` all the same."""
        self.readers += 1
        if self._looking is None or self._looking.done():
            await self._look()
            if self._looking is None or self._looking.done():
                self._looking = asyncio.ensure_future(self._keep_looking())

    def leave(self) -> None:
        """Stop listening; with the last reader the looking ends, and the tail is forgotten."""
        self.readers -= 1
        if self.readers == 0:
            if self._looking is not None:
                self._looking.cancel()
            self._looking, self.head = None, -1
            self._kept.clear()

    async def wait(self, place: int, seconds: float) -> bool:
        """Wait until there is something behind `place`; False where nothing came."""
        if self.head > place:
            return True
        try:
            async with asyncio.timeout(seconds):
                while self.head <= place:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def since(self, place: int) -> tuple[int, bytes]:
        """Give the events behind `place` that fit into a page, encoded, and the number of the last."""
        if self._kept and self._kept[0][0] <= place + 1:
            first = place + 1 - self._kept[0][0]
            some = [self._kept[at] for at in range(first, min(first + PAGE, len(self._kept)))]
        else:
            some = await self._on_thread(self._page, place)
        return (some[-1][0], b"".join(one for _, one in some)) if some else (max(place, self.head), b"")

    async def _keep_looking(self) -> None:
        while True:
            await self._desk.bell.wait(LOOK_S)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 (a database that is away for a while ends nobody's stream)
                expected(error, about=f"looking at the feed of {self._project}")
                await asyncio.sleep(1.0)

    async def _look(self) -> None:
        fresh, head = await self._on_thread(self._fresh, self.head)
        if head <= self.head:
            return
        fresh = [one for one in fresh if one[0] > self.head]  # two looks may have been under way
        if fresh and self._kept and self._kept[-1][0] + 1 != fresh[0][0]:
            self._kept.clear()
        self._kept.extend(fresh)
        self.head = head
        self._changed.set()
        self._changed = asyncio.Event()

    def _fresh(self, head: int) -> tuple[list[tuple[int, bytes]], int]:
        with self._desk.loop.ledger.read() as tx:
            now = tx.feed.head(self._project).seq
            if now <= head:
                return [], head
            events = tx.feed.list(self._project, after=max(head, now - KEPT), limit=KEPT) if head >= 0 else []
        return [_encoded(one) for one in events], now

    def _page(self, place: int) -> list[tuple[int, bytes]]:
        with self._desk.loop.ledger.read() as tx:
            return [_encoded(one) for one in tx.feed.list(self._project, after=place, limit=PAGE)]

    async def _on_thread(self, function: Callable[[int], T], place: int) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._desk.threads, function, place)


def _encoded(event: Event) -> tuple[int, bytes]:
    return event.seq, message(event.kind, plain(event, project=event.project), id=event.seq)


async def events(request: Request) -> Response:
    """Tell what happens in a project from now on, or from behind the event that `Last-Event-ID` (or `after`) names."""
    pairs = wire.query_of(request)
    wire.only(pairs, "project", "after")
    project = wire.project_of(request, pairs)
    await act(request, admit, request, FEED, project=project, assets=("*",))
    place = _place(request, dict(pairs).get("after"))
    return Stream(_told(request, project, place))


async def _told(request: Request, project: str, place: int | None) -> AsyncIterator[bytes]:
    tail, welcome = _tail(request, project), Welcome(request, FEED, project)
    try:
        await tail.join()
        place = tail.head if place is None else min(place, tail.head)
        yield HELLO  # from here on nothing is missed
        last = time.monotonic()
        while True:
            if await tail.wait(place, RECHECK_S):
                place, chunk = await tail.since(place)
                if chunk:
                    yield chunk
                    last = time.monotonic()
            elif time.monotonic() - last >= BEAT_S - 1:
                yield BEAT
                last = time.monotonic()
            if not await welcome.still():
                return
    finally:
        tail.leave()


def _tail(request: Request, project: str) -> Tail:
    state = request.app.state
    if not hasattr(state, "tails"):
        state.tails = {}
    tails: dict[str, Tail] = state.tails
    for idle in [name for name, one in tails.items() if one.readers == 0 and name != project]:
        del tails[idle]
    return tails.setdefault(project, Tail(state.desk, project))


def _place(request: Request, after: str | None) -> int | None:
    said = request.headers.get("last-event-id") or after
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        raise Invalid(
            f"{said[:100]!r} is no number of an event", kind="bad-value", hint="send the id of the last event that came",
            value=said[:100],
        )  # fmt: skip
    return int(said)
