"""A disk that fills up under a server: writes are refused with 507, reads go on, and room is enough to go on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.mounting import mounted
from tests.server.running import Up, project

pytestmark = pytest.mark.faults


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A project whose home is on a file system of 48 MB."""
    folder = project(tmp_path / "flights")
    with mounted(folder / ".loopline", "-t", "tmpfs", "-o", "size=48m", "loopline-test"):
        yield folder


def fill(home: Path) -> Path:
    """Take all the room."""
    ballast = home / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return ballast


def put(server: Up, body: bytes) -> tuple[int, Any]:
    """Send a blob."""
    import json

    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    with closing(server.connection()) as connection:
        connection.request("PUT", f"/api/v1/blobs/{digest}", body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def start(server: Up, number: int, n: int) -> tuple[int, Any]:
    """Begin a run that needs some room, always under the same key."""
    words = {"name": f"{number}-{n}", "params": {"p": "x" * 20_000}}
    return server.ask("POST", "/api/v1/start", words, Idempotency_Key=f"{number}-{n}")


@pytest.mark.timeout(180)
def test_a_full_disk_is_said_and_got_over(small: Path) -> None:
    """507 for rows and bytes, not ready but alive, reads as before; with room again everything goes on without a restart."""
    server = Up(small)
    try:
        server.ready()
        first = server.result("start", name="before")["id"]
        assert put(server, b"small")[0] in (200, 201)
        time.sleep(1.2)
        wanted = 1
        for number in range(3):
            asked = 0
            ballast = fill(small / ".loopline")
            refused = []
            for n in range(600):
                status, answer = start(server, number, n)
                assert (status, answer.get("kind")) in {(200, None), (507, "disk-full")}
                asked = n + 1
                refused += [n] * (status == 507)
                if len(refused) == 5:
                    break
            assert refused
            status, answer = put(server, bytes([number]) * 200_000)
            assert (status, answer["kind"]) == (507, "disk-full")
            assert server.ask("GET", "/health")[0] == 200
            time.sleep(1.1)
            assert server.ask("GET", "/health/ready")[0] in (503, 507)
            assert server.ask("GET", f"/api/v1/show?what={first}")[0] == 200
            ballast.unlink()
            time.sleep(1.1)
            assert server.ask("GET", "/health/ready")[0] == 200
            for n in range(asked):
                assert start(server, number, n)[0] == 200
            wanted += asked
            assert put(server, bytes([number]) * 200_000)[0] in (200, 201)
        task = server.result("verify", deep=True)
        assert server.task(task["id"])["state"] == "done"
        assert server.stop() == 0
    finally:
        server.end()
    loop = open_loop(load_settings(small, environ={"USER": "ann"}))
    with loop.ledger.read() as tx:
        assert tx.feed.verify("flights") is None
        assert tx.rows.one("SELECT COUNT(*), COUNT(DISTINCT name) FROM runs") == (wanted, wanted)
    loop.ledger.close()
