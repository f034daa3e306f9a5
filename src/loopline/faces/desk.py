"""desk: what every face of a server works with, held in `app.state.desk`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from loopline.faces.lane import Lane
from loopline.loop import Loop

if TYPE_CHECKING:
    from starlette.requests import Request

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 12
"""Verbs at a time. Each thread keeps one connection to the database; SQLite has one writer anyway."""
UPLOAD = 50 << 30


class Bell:
    """Wakes whoever waits in an event loop, from any thread."""

    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def ring(self) -> None:
        """Wake them. Cheap while nobody waits."""
        for loop, event in tuple(self._waiting):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def wait(self, seconds: float) -> None:
        """Wait until somebody rings, or for so long."""
        event = asyncio.Event()
        mine = (asyncio.get_running_loop(), event)
        self._waiting.add(mine)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(mine)


@dataclass(frozen=True)
class Desk:
    """The server's loop, and the threads that verbs run on. Faces get loops from `admit`, never from here."""

    loop: Loop
    """As the server itself sees it, in its default project."""
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="loopline-verb")
    )
    upload_limit: int = UPLOAD
    """The most bytes of a blob that somebody sends."""
    bell: Bell = field(default_factory=Bell)
    """Rung when this process has written, so that who listens to the feed need not wait for the next look."""

    @cached_property
    def lane(self) -> Lane:
        """Where short writes share their transactions."""
        return Lane(self.loop.ledger)

    def end(self) -> None:
        """End what was begun, and let nothing begin."""
        self.lane.end()
        self.threads.shutdown(wait=True, cancel_futures=True)


async def act(request: Request, function: Callable[P, T], /, *args: P.args, **asked: P.kwargs) -> T:
    """Run something short and synchronous (a verb, a look into the ledger) on one of the desk's threads."""
    desk: Desk = request.app.state.desk
    return await asyncio.get_running_loop().run_in_executor(desk.threads, partial(function, *args, **asked))


async def write(request: Request, function: Callable[P, T], /, *args: P.args, **asked: P.kwargs) -> T:
    """Run something that writes a little to the ledger, in one transaction with others that wait: much is sent that way.

    It must do nothing else that lasts: where the commit fails, it has not happened.
    """
    desk: Desk = request.app.state.desk
    return await desk.lane.do(partial(function, *args, **asked))
