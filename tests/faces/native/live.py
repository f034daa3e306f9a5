"""The app on a real socket, for what only a connection shows: streams, readers that do not read, cuts."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from .conftest import Face


@contextmanager
def listening(face: Face) -> Iterator[int]:
    """Serve the app on a free port of loopback."""
    config = uvicorn.Config(
        face.app, host="127.0.0.1", port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1, backlog=4096
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


class Listener:
    """A connection that listens to a stream."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
        self._rest = b""

    def messages(self, count: int, *, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Read until `count` messages have come, or the stream has ended."""
        self.socket.settimeout(seconds)
        found: list[dict[str, Any]] = []
        while len(found) < count:
            while b"\n\n" not in self._rest:
                chunk = self.socket.recv(65536)
                if not chunk:
                    return found
                self._rest += chunk
            block, _, self._rest = self._rest.partition(b"\n\n")
            lines = [line.partition(": ") for line in block.decode().replace("\r", "").split("\n")]
            fields = {name: value for name, _, value in lines if name in ("event", "data", "id")}
            if "data" in fields:
                found.append(fields | {"data": json.loads(fields["data"])})
        return found

    def head(self) -> str:
        """Read as far as the end of the header."""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self.socket.recv(65536)
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head.decode()

    def ended(self, *, seconds: float) -> bool:
        """Tell whether the stream ends within so many seconds."""
        self.socket.settimeout(seconds)
        try:
            while chunk := self.socket.recv(65536):
                if chunk.endswith(b"0\r\n\r\n"):
                    return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
