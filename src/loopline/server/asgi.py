"""asgi: uvicorn's server as our processes use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from loopline.server.connection import Connection

if TYPE_CHECKING:
    import socket

KEEP_S: Final = 75
"""How long an idle connection is kept."""
END_S: Final = 20
"""How long requests under way may take to end, when the server stops."""


class Server(uvicorn.Server):
    """uvicorn's server without its own signals, with a look at slow clients, and a word before the end."""

    def __init__(self, app: Any, *, ready: Callable[[], object], ending: Callable[[], object]) -> None:
        config = uvicorn.Config(
            app, http=Connection, loop="asyncio", ws="none", lifespan="off", interface="asgi3", log_config=None,
            log_level="error", access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_S,
            timeout_graceful_shutdown=END_S,
        )  # fmt: skip
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Look at slow clients once a second. Called ten times a second."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            connections: list[Any] = list(self.server_state.connections)
            for one in connections:
                one.look(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        self._ending()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs this."""
        yield
