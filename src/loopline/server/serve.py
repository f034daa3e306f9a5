"""serve: one process that answers requests on a socket, until it is told to stop.

It comes with threads of its own for verbs, and ends in order: no new connections, streams told to come again, requests under way
ended. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.faces.desk import Desk
from loopline.faces.otlp.tracing import Traced, open_tracing, route_of
from loopline.server.app import make_app
from loopline.server.asgi import Server
from loopline.server.connection import raise_limit
from loopline.server.gate import Stopping

if TYPE_CHECKING:
    import socket

    from loopline.faces.prometheus.tally import Tally
    from loopline.loop import Loop
    from loopline.settings import ServerSettings


def nothing() -> None:
    """Do nothing."""


class Stages(NamedTuple):
    """What is called when, in the life of a process."""

    ready: Callable[[], object]
    ending: Callable[[], object]
    at_once: Callable[[], object]


SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def serve(
    loop: Loop,
    listening: socket.socket,
    *,
    settings: ServerSettings,
    tally: Tally | None = None,
    access_log: bool = False,
    ready: Callable[[], object] = nothing,
    ending: Callable[[], object] = nothing,
    at_once: Callable[[], object] = nothing,
) -> None:
    """Answer requests until SIGTERM or SIGINT.

    `ready` is called when it has begun, `ending` when the first signal comes, `at_once` before a second one ends all. `tally` is
    where requests are counted.
    """
    raise_limit()
    stages = Stages(ready, ending, at_once)
    desk = Desk(loop, upload_limit=settings.upload_limit)
    asyncio.run(_serve(desk, listening, settings, stages, tally=tally, access_log=access_log))


async def _serve(
    desk: Desk,
    listening: socket.socket,
    settings: ServerSettings,
    stages: Stages,
    *,
    tally: Tally | None,
    access_log: bool,
) -> None:
    stopping = Stopping()
    app: Any = make_app(desk, settings=settings, stopping=stopping, tally=tally, access_log=access_log)
    tracing = open_tracing("loopline")
    if tracing is not None:
        app = Traced(app, tracing, route_of)
    server = Server(app, ready=stages.ready, ending=stopping.begin)
    here = asyncio.get_running_loop()

    def told(number: int) -> None:
        if server.should_exit:
            stages.at_once()
            os._exit(128 + number)
        server.should_exit = True
        stages.ending()

    for number in SIGNALS:
        here.add_signal_handler(number, told, number)
    try:
        await server.serve(sockets=[listening])
    finally:
        for number in SIGNALS:
            here.remove_signal_handler(number)
        if tracing is not None:
            tracing.end()
        desk.end()
