"""desk: what every face of a server works with, held in `app.state.desk`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from loopline.loop import Loop

if TYPE_CHECKING:
    from starlette.requests import Request

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 12
"""Verbs at a time. Each thread keeps one connection to the database; SQLite has one writer anyway."""


@dataclass(frozen=True)
class Desk:
    """The server's loop, and the threads that verbs run on. Faces get loops from `admit`, never from here."""

    loop: Loop
    """As the server itself sees it, in its default project."""
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="loopline-verb")
    )


async def act(request: Request, function: Callable[P, T], /, *args: P.args, **asked: P.kwargs) -> T:
    """Run something short and synchronous (a verb, a look into the ledger) on one of the desk's threads."""
    desk: Desk = request.app.state.desk
    return await asyncio.get_running_loop().run_in_executor(desk.threads, partial(function, *args, **asked))
