"""What every request passes first, on a real socket where that matters."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Unavailable
from loopline.faces.desk import Desk
from loopline.loop import Loop
from loopline.server import gate
from loopline.server.gate import Gate, Stopping
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop as new_loop

from .live import Live, live


class App:
    """Answers when a test lets it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.hold = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope["path"])
        if scope["path"].endswith("/events"):
            kind = b"text/event-stream" if "stream" in scope["path"] else b"application/json"
            await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", kind)]})
            if kind == b"text/event-stream":
                await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        else:
            await asyncio.sleep(self.hold)
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"end"})


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Give a loop with a real store."""
    return new_loop(blobs=LocalBlobs(tmp_path))


@pytest.fixture
def here(loop: Loop) -> Iterator[Live]:
    """Serve a gate with an app behind it."""
    stopping, app = Stopping(), App()
    with live(Gate(app, desk=Desk(loop), stopping=stopping), stopping) as made:
        made.app = app  # type: ignore[attr-defined]
        yield made


def ask(here: Live, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request."""
    from http.client import HTTPConnection

    with closing(HTTPConnection("127.0.0.1", here.port, timeout=20)) as client:
        client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = client.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_health_is_answered_at_the_gate(here: Live) -> None:
    """Liveness and readiness need no token and reach no face; an address beside them does."""
    assert ask(here, "/health")[0] == ask(here, "/health/ready")[0] == 200
    assert ask(here, "/health", method="HEAD")[2] == b""
    assert ask(here, "/health", method="POST")[0] == 405
    assert ask(here, "/healthy")[0] == 200
    assert here.app.seen == ["/healthy"]  # type: ignore[attr-defined]


def test_it_is_not_ready_without_a_database(here: Live, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is gone makes it live and not ready, and ready again when it is back; it is seldom asked."""
    looks = []

    def found(database: Any) -> str:
        looks.append(database)
        raise Unavailable("gone", kind="ledger-unreachable")

    monkeypatch.setattr("loopline.ledger.schema.found", found)
    for _ in range(20):
        status, headers, body = ask(here, "/health/ready")
        assert (status, json.loads(body)["kind"], headers["retry-after"]) == (503, "ledger-unreachable", "5")
    assert ask(here, "/health")[0] == 200
    assert len(looks) <= 3
    monkeypatch.undo()
    time.sleep(1.1)
    assert ask(here, "/health/ready")[0] == 200


def test_it_is_not_ready_with_a_store_that_takes_nothing(here: Live, tmp_path: Path) -> None:
    """A folder that became a file is told as what it is."""
    (tmp_path / "tmp").write_text("no folder")
    status, _, body = ask(here, "/health/ready")
    assert (status, json.loads(body)["title"]) == (503, "Unavailable")


def test_it_is_not_ready_with_other_tables(here: Live, loop: Loop) -> None:
    """Tables of another revision than this code's: somebody has to migrate."""
    with loop.ledger.database.write() as rows:
        rows.do("UPDATE alembic_version SET version_num = '0001'")
    status, _, body = ask(here, "/health/ready")
    assert (status, json.loads(body)["kind"], json.loads(body)["hint"]) == (503, "not-ready", "loopline migrate")


def test_a_database_that_hangs_is_not_waited_for(here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that does not come back gives an answer in time, and does not hold up the liveness."""
    monkeypatch.setattr(gate, "_READY_S", 0.3)
    let, looks = threading.Event(), list[bool]()
    monkeypatch.setattr("loopline.ledger.schema.found", lambda _: looks.append(let.wait(20)))
    try:
        status, _, body = ask(here, "/health/ready")
        assert (status, json.loads(body)["kind"]) == (503, "not-ready")
        assert ask(here, "/health")[0] == 200
        assert looks == []
    finally:
        let.set()


def test_more_requests_than_there_is_room_for_are_asked_to_come_back(
    here: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit a request gets 503 at once, health still answers, and there is room again afterwards."""
    monkeypatch.setattr(gate, "MOST", 2)
    here.app.hold = 1.0  # type: ignore[attr-defined]
    clients = [here.connect() for _ in range(2)]
    for client in clients:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    status, headers, body = ask(here, "/other")
    assert (status, headers["retry-after"], json.loads(body)["kind"]) == (503, "5", "server-busy")
    assert ask(here, "/health")[0] == 200
    for client in clients:
        assert client.recv(20).startswith(b"HTTP/1.1 200")
        client.close()
    here.app.hold = 0.0  # type: ignore[attr-defined]
    time.sleep(0.2)
    assert ask(here, "/other")[0] == 200


def test_streams_have_room_of_their_own(here: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of events take no place of other requests, and are limited themselves."""
    monkeypatch.setattr(gate, "MOST", 1)
    monkeypatch.setattr(gate, "MOST_STREAMS", 2)
    clients = [here.connect() for _ in range(2)]
    for client in clients:
        client.sendall(b"GET /stream/events HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(20).startswith(b"HTTP/1.1 200")
    assert ask(here, "/stream/events")[0] == 503
    assert ask(here, "/other")[0] == 200
    clients.pop().close()
    time.sleep(0.3)
    assert ask(here, "/json/events")[0] == 200
    clients.pop().close()


def test_a_body_for_a_page_is_limited(here: Live) -> None:
    """More than 8 MiB, or of unknown length, for anything but the API are refused before a byte is read."""
    with closing(here.connect()) as client:
        client.sendall(b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    with closing(here.connect()) as client:
        client.sendall(b"POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 411")
    assert here.app.seen == []  # type: ignore[attr-defined]


def test_an_end_reaches_every_stream(loop: Loop) -> None:
    """Whoever listens to events when the server stops gets a time to come back after and an end in order, at once."""
    stopping = Stopping()
    with live(Gate(App(), desk=Desk(loop), stopping=stopping), stopping) as here:
        clients = [here.connect() for _ in range(50)]
        for client in clients:
            client.sendall(b"GET /stream/events HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(20).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        here.stop()
        assert time.monotonic() - began < 3
    for client in clients:
        said = b""
        while part := client.recv(1000):
            said += part
        client.close()
        assert b"retry: 1000\n: the server stops\n\n" in said
        assert said.endswith(b"0\r\n\r\n")
