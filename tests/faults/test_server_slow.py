"""Clients that are slow or do not read, by the hundred: everybody else is answered as before."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import quantiles

import pytest

from tests.server.running import Up, asked, project, rss

pytestmark = pytest.mark.faults
HALVES = (
    b"",
    b"GET /api/v1/find?what=ru",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A",
    b"POST /api/v1/start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{",
    b"POST /api/v1/blobs/pack HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000000\r\n\r\nabcdefgh",
    b"PUT /api/v1/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 400000\r\n\r\nab",
)
"""Beginnings of requests that never go on."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Up]:
    """Start a server without a worker."""
    made = Up(project(tmp_path / "flights"), "--no-worker")
    made.ready()
    yield made
    made.end()


def worst(server: Up, number: int = 200) -> float:
    """Ask reads and writes one after the other, and give the time within which 99 of 100 were answered."""
    took = []
    connection = server.connection()
    for n in range(number):
        began = time.perf_counter()
        if n % 4:
            assert asked(connection, "GET", "/api/v1/find?what=runs&limit=5")[0] == 200
        else:
            assert asked(connection, "POST", "/api/v1/start", {"name": f"n{n}"})[0] == 200
        took.append(time.perf_counter() - began)
    connection.close()
    return quantiles(took, n=100)[98]


@pytest.mark.timeout(180)
def test_five_hundred_half_open_connections_hold_nobody_up(server: Up) -> None:
    """With 500 requests that do not go on, others' p99 stays below 250 ms, or ten times the usual; in a minute all are gone."""
    before = worst(server)
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(500)]
    try:
        for number, client in enumerate(clients):
            client.sendall(HALVES[number % len(HALVES)])
        time.sleep(1)
        during = worst(server)
        assert during < max(0.25, 10 * before)
        assert server.ask("GET", "/health/ready")[0] == 200
        until = time.monotonic() + 60
        while _open(server) > 20 and time.monotonic() < until:
            time.sleep(0.5)
        assert _open(server) <= 20
        ended = 0
        for client in clients:
            client.settimeout(1)
            with suppress(ConnectionResetError):
                while client.recv(4096):
                    pass
            ended += 1
        assert ended == 500
    finally:
        for client in clients:
            client.close()
    assert worst(server, 40) < 0.25


def _open(server: Up) -> int:
    """Count the connections that the server has open."""
    return sum(1 for one in Path(f"/proc/{server.process.pid}/fd").iterdir() if _is_socket(one))


def _is_socket(path: Path) -> bool:
    try:
        return str(path.readlink()).startswith("socket:")
    except OSError:
        return False


@pytest.mark.timeout(300)
def test_a_thousand_readers_that_do_not_read_hold_nobody_up(server: Up) -> None:
    """With 1,000 streams that nobody takes, writes that feed them go on, memory stays bounded, and all are let go."""
    clients = []
    try:
        for _ in range(1000):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"GET /api/v1/feed/events?project=flights HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            clients.append(client)
        until = time.monotonic() + 60
        for client in clients:
            client.settimeout(until - time.monotonic())
            assert client.recv(12).startswith(b"HTTP/1.1 200")
        before = rss(server.process.pid)
        connection = server.connection()
        slowest = 0.0
        for number in range(60):
            began = time.perf_counter()
            body = {"name": f"n{number}", "params": {f"p{i}": "x" * 1000 for i in range(10)}}
            assert asked(connection, "POST", "/api/v1/start", body)[0] == 200
            assert asked(connection, "GET", "/health")[0] == 200
            slowest = max(slowest, time.perf_counter() - began)
        connection.close()
        assert slowest < 5
        assert rss(server.process.pid) - before < 300e6
        assert server.ask("GET", "/api/v1/find?what=runs&limit=100")[0] == 200
        began = time.monotonic()
        while _open(server) > 30 and time.monotonic() - began < 150:
            server.ask("POST", "/api/v1/start", {"name": "more", "params": {f"p{i}": "x" * 1000 for i in range(10)}})
            time.sleep(0.5)
        assert _open(server) <= 30
    finally:
        for client in clients:
            client.close()
    assert worst(server, 40) < 0.5
