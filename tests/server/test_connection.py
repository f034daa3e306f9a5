"""Clients that are slow, on real sockets: each has its time, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest

from loopline.server import connection
from loopline.server.connection import Connection, Joining

from .live import Live, live

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, then answer; at `/large` without an end."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    gone = asyncio.ensure_future(receive())
    while scope["path"] == "/large" and not gone.done():
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)
    gone.cancel()
    await send({"type": "http.response.body", "body": b"fine"})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all times be short."""
    for name, seconds in (("HEAD_S", 1.0), ("BODY_S", 1.0), ("ANSWER_S", 1.0)):
        monkeypatch.setattr(connection, name, seconds)


def answered(here: Live) -> bytes:
    """Ask something as anybody would."""
    with closing(here.connect()) as client:
        client.sendall(GET)
        return whole(client)


def whole(client: socket.socket) -> bytes:
    """Read one answer to its end."""
    said = b""
    while not said.endswith(b"0\r\n\r\n"):
        part = client.recv(1000)
        assert part, said
        said += part
    return said


def ended(client: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    parts = []
    with suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Call, and say how long it took."""
    began = time.monotonic()
    found = function()
    return time.monotonic() - began, found


@pytest.mark.parametrize("part", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: "])
def test_a_head_that_does_not_come_ends_the_connection(part: bytes) -> None:
    """Silence, or half a head: 408 after its time, while others are answered."""
    with live(app) as here, closing(here.connect()) as client:
        client.sendall(part)
        assert b"200 OK" in answered(here)
        took, said = timed(lambda: ended(client))
        assert said.startswith(b"HTTP/1.1 408")
        assert 0.8 < took < 4


def test_a_head_that_trickles_ends_too() -> None:
    """A byte now and then gains nothing: the time runs from the first one."""
    with live(app) as here, closing(here.connect()) as client:
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 6:
                client.sendall(b"G" if time.monotonic() - began < 0.1 else b"X")
                time.sleep(0.2)
        assert time.monotonic() - began < 5


def test_the_second_request_of_a_connection_has_the_same_time() -> None:
    """A kept connection that is idle stays; half of a next request on it does not."""
    with live(app) as here, closing(here.connect()) as client:
        client.sendall(GET)
        assert b"fine" in whole(client)
        time.sleep(2.5)
        client.sendall(GET)
        assert b"fine" in whole(client)
        client.sendall(GET[:10])
        took, said = timed(lambda: ended(client))
        assert said.startswith(b"HTTP/1.1 408")
        assert took < 4


@pytest.mark.parametrize("drip", [0, 1])
def test_a_body_that_stops_or_trickles_ends_the_connection(drip: int) -> None:
    """A body must keep coming, and faster than a few bytes a second."""
    with live(app) as here, closing(here.connect()) as client:
        client.sendall(POST + b"x" * 100)
        began = time.monotonic()
        client.settimeout(0.2)
        while time.monotonic() - began < 6:
            try:
                client.sendall(b"x" * drip)
                if client.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert 0.8 < time.monotonic() - began < 5


def test_a_reader_that_does_not_read_is_let_go() -> None:
    """An answer that nobody takes ends, and what waited to be sent goes with it."""
    with live(app) as here, closing(here.connect()) as client:
        client.sendall(GET.replace(b"/ ", b"/large "))
        until = time.monotonic() + 8
        time.sleep(0.2)
        while here.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.05)
        assert not here.server.server_state.connections


def test_a_reader_that_reads_stays() -> None:
    """Who takes an endless answer as it comes is not cut, however long that takes."""
    with live(app) as here, closing(here.connect()) as client:
        client.sendall(GET.replace(b"/ ", b"/large "))
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert client.recv(1 << 20)
            time.sleep(0.01)


def test_a_head_without_an_end_is_too_large() -> None:
    """More than 64 KiB of header fields are refused with 431 at once."""
    with live(app) as here, closing(here.connect()) as client:
        with suppress(OSError):
            client.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000)
        assert b"431" in ended(client)[:30]


def test_too_many_connections_are_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a connection gets 503 and Retry-After at once; the others go on, and a place that is free is given."""
    monkeypatch.setattr(Connection, "most", 3)
    monkeypatch.setattr(connection, "HEAD_S", 60.0)
    with live(app) as here:
        clients = [here.connect() for _ in range(3)]
        time.sleep(0.2)
        with closing(here.connect()) as more:
            said = ended(more)
        assert said.startswith(b"HTTP/1.1 503")
        assert b"Retry-After" in said
        clients[0].sendall(GET)
        assert b"fine" in whole(clients[0])
        clients.pop().close()
        time.sleep(0.2)
        assert b"fine" in answered(here)
        for client in clients:
            client.close()


class Wire(asyncio.Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


def test_the_head_and_the_body_of_an_answer_leave_together() -> None:
    """Two pieces of one turn are one call of the system, a single one waits no longer than the turn, none is lost at the end."""

    async def run() -> None:
        wire = Wire()
        joining = Joining(wire, asyncio.get_running_loop())
        joining.write(b"head ")
        joining.write(b"body")
        assert wire.sent == [b"head body"]
        joining.write(b"alone")
        assert len(wire.sent) == 1
        await asyncio.sleep(0)
        assert wire.sent[1:] == [b"alone"]
        joining.write(b"last")
        joining.close()
        assert (wire.sent[2:], wire.closed) == ([b"last"], True)

    asyncio.run(run())


def test_nothing_is_sent_once_a_connection_is_gone() -> None:
    """What was held for a connection that is aborted meanwhile goes nowhere."""

    async def run() -> None:
        wire = Wire()
        joining = Joining(wire, asyncio.get_running_loop())
        joining.write(b"held")
        joining.abort()
        await asyncio.sleep(0)
        assert wire.sent == []

    asyncio.run(run())
