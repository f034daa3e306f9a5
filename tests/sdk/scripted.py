"""A server of a few lines on a real socket, which answers by a script: what a bad day on the network looks like."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Heard:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Say:
    """One answer; or what becomes of the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Close after so many bytes of the whole answer; -1: reset before any."""
    hang: float = 0.0
    """Seconds before anything is said."""


def result(value: Any, **more: Any) -> Say:
    """Give an answer of a verb."""
    return Say(200, json.dumps({"result": value, **more}).encode(), {"Content-Type": "application/json"})


def problem(title: str, status: int, kind: str, **more: Any) -> Say:
    """Give a problem."""
    body = {"title": title, "status": status, "detail": f"{kind} it is", "kind": kind, "hint": "do so", "facts": more}
    return Say(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


class Scripted:
    """Answers each request with the next line of the script; the last line is said for ever."""

    def __init__(self, *script: Say | Callable[[Heard], Say]) -> None:
        self.script = list(script)
        self.heard: list[Heard] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._guard = threading.Lock()
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and cut whoever is connected."""
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        for one in self._open:
            one.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while (heard := _read(lines)) is not None:
                    with self._guard:
                        self.heard.append(heard)
                        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    say = line(heard) if callable(line) else line
                    if not _tell(connection, heard, say):
                        return
        except OSError:
            return


def _read(lines: Any) -> Heard | None:
    first = lines.readline().decode().split()
    if len(first) != 3:
        return None
    headers = {}
    while line := lines.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(lines.readline(), 16):
            body += lines.read(size)
            lines.readline()
        lines.readline()
    else:
        body = lines.read(int(headers.get("content-length", 0)))
    return Heard(first[0], first[1], headers, body)


def _tell(connection: socket.socket, heard: Heard, say: Say) -> bool:
    """Say it. False: the connection is over."""
    if say.hang:
        threading.Event().wait(say.hang)
    if say.cut == -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    head = {"Content-Length": str(len(say.body)), **say.headers}
    text = f"HTTP/1.1 {say.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in head.items()) + "\r\n"
    whole = text.encode() + (b"" if heard.method == "HEAD" else say.body)
    connection.sendall(whole if say.cut is None else whole[: say.cut])
    return say.cut is None


@contextmanager
def scripted(*script: Say | Callable[[Heard], Say]) -> Iterator[Scripted]:
    """Run one for a block."""
    server = Scripted(*script)
    try:
        yield server
    finally:
        server.close()
