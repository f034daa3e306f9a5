"""An app on a real socket, served by a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loopline.server.asgi import Server
from loopline.server.gate import Stopping
from loopline.server.listening import listen


class Live:
    """A server in a thread."""

    def __init__(self, app: Any, stopping: Stopping) -> None:
        self.listening = listen("127.0.0.1", 0)
        self.port = int(self.listening.getsockname()[1])
        self._begun = threading.Event()
        self.server = Server(app, ready=self._begun.set, ending=stopping.begin)
        self._thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self.listening])))

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        assert self._begun.wait(10)

    def stop(self) -> None:
        """End in order."""
        self.server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        """Open a connection and say nothing."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextmanager
def live(app: Any, stopping: Stopping | None = None) -> Iterator[Live]:
    """Serve an app."""
    made = Live(app, stopping or Stopping())
    made.start()
    try:
        yield made
    finally:
        made.stop()
