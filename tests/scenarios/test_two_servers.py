"""Two servers on one PostgreSQL and one object store are one ledger: both answer, one ticks, each task is done once."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loopline.nouns.digest import digest_of
from tests.conftest import empty_bucket, empty_postgres
from tests.server.running import Up, project, variables, worker
from tests.warm import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def place(postgres_database: str, bucket: str) -> dict[str, Any]:
    """Say where rows and bytes are."""
    return {"LOOPLINE_DATABASE": postgres_database, "LOOPLINE_STORE": bucket, "LOOPLINE_CACHE_LIMIT": "100MB"}


@pytest.fixture
def two(tmp_path: Path, place: dict[str, Any]) -> Iterator[tuple[Up, Up]]:
    """Start two servers for a test that ends one of them, or asks for work."""
    with both(tmp_path, place) as servers:
        yield servers


@pytest.fixture(scope="module")
def shared(postgres_url: str, s3_server: str) -> Iterator[dict[str, Any]]:
    """Say where rows and bytes are of the servers that stay."""
    with pytest.MonkeyPatch.context() as patch, empty_postgres(postgres_url) as url:
        bucket = empty_bucket(s3_server, patch)
        yield {"LOOPLINE_DATABASE": url, "LOOPLINE_STORE": bucket, "LOOPLINE_CACHE_LIMIT": "100MB"}


@pytest.fixture(scope="module")
def pair(shared: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, Up]]:
    """Start two servers that stay, for tests that end neither."""
    with both(tmp_path_factory.mktemp("pair"), shared) as servers:
        yield servers


@contextmanager
def both(folder: Path, place: dict[str, Any]) -> Iterator[tuple[Up, Up]]:
    """Start two servers, each with a home folder of its own, at the same moment on an empty database."""
    servers = [Up(project(folder / name), "--no-worker", wait=False, **place) for name in ("one", "two")]
    try:
        yield servers[0].listen(), servers[1].listen()
    finally:
        for server in servers:
            server.end()


def holder(url: str, name: str = "ticker") -> tuple[str, int]:
    """Say who holds a lease, and by which fence."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT holder, fence FROM leases WHERE name = %s", (name,)).fetchone()
    return (str(row[0] or ""), int(row[1])) if row else ("", 0)


def becomes(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait until something is true; False where it does not become so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


@contextmanager
def told(server: Up) -> Iterator[list[dict[str, Any]]]:
    """Read the feed of a server as it comes."""
    events: list[dict[str, Any]] = []
    connection = server.connection(60)
    connection.request("GET", "/api/v1/feed/events?project=flights")
    stream = connection.getresponse()

    def read() -> None:
        try:
            for line in stream:
                events.extend([json.loads(line[6:])] if line.startswith(b"data: ") else [])
        except (OSError, ValueError, AttributeError):
            return  # the server or the test has ended

    threading.Thread(target=read, daemon=True).start()
    try:
        yield events
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()


def pid_of(url: str) -> int:
    """Give the process that holds the ticker's lease: its name is HOST:PID:CHANCE."""
    name, _ = holder(url)
    return int(name.split(":")[1]) if name else 0


def test_what_one_writes_the_other_reads(pair: tuple[Up, Up]) -> None:
    """A run that is started at one server is logged to and finished at the other, in one history."""
    one, other = pair
    run = one.result("start", name="train")["id"]
    assert other.result("log", run=run, points=[{"key": "loss", "value": 0.5, "step": 1}]) is True
    assert one.result("finish", run=run)["state"] == "finished"
    status, answer = other.ask("GET", f"/api/v1/show?what={run}")
    assert status == 200, answer
    assert "finished" in json.dumps(answer)


def test_bytes_that_one_took_the_other_gives(pair: tuple[Up, Up]) -> None:
    """A blob that was uploaded to one server is published and downloaded at the other: their folders are not the store."""
    one, other = pair
    body = b"row,value\n" * 50_000
    digest = digest_of(body)
    with closing(one.connection()) as connection:
        connection.request("PUT", f"/api/v1/blobs/{digest}", body)
        assert connection.getresponse().status in (200, 201)
    version = other.result("put", asset="data/rows", digest=digest, message="July")
    assert version["number"] == 1, version
    with closing(other.connection()) as connection:
        connection.request("GET", f"/api/v1/blobs/{digest}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, body)


def test_events_of_one_are_told_by_the_other(pair: tuple[Up, Up]) -> None:
    """Who reads the feed at one server hears of a write at the other within two seconds."""
    one, other = pair
    with told(one) as events:
        time.sleep(0.5)
        run = other.result("start", name="train")["id"]
        assert becomes(lambda: any(run in json.dumps(event) for event in events), seconds=2.0), events


def test_one_of_them_ticks(pair: tuple[Up, Up], shared: dict[str, Any]) -> None:
    """The ticker's lease is taken once, by one of the two, and stays with it."""
    url = shared["LOOPLINE_DATABASE"]
    assert becomes(lambda: pid_of(url) in {server.process.pid for server in pair})
    seen = set()
    for _ in range(30):
        seen.add(holder(url))
        time.sleep(0.1)
    assert len(seen) == 1
    assert {fence for _, fence in seen} == {1}


def test_when_one_is_killed_the_other_goes_on(two: tuple[Up, Up], place: dict[str, Any]) -> None:
    """After kill -9 of the server that ticks, the other answers at once and ticks when the lease has ended."""
    url = place["LOOPLINE_DATABASE"]
    assert becomes(lambda: pid_of(url) in {server.process.pid for server in two})
    lost, left = two if pid_of(url) == two[0].process.pid else two[::-1]
    run = lost.result("start", name="train")["id"]
    lost.process.kill()
    lost.process.wait(10)
    assert left.ask("GET", f"/api/v1/show?what={run}")[0] == 200
    assert left.result("finish", run=run)["state"] == "finished"
    assert becomes(lambda: pid_of(url) == left.process.pid, seconds=30)
    assert holder(url)[1] == 2


PIPES = """
import os, time
from loopline import pipeline, step

@step
def note(where: str, number: int) -> int:
    with open(where, "ab", buffering=0) as file:
        file.write(f"{number}\\n".encode())
    time.sleep(0.2)
    return number

@pipeline
def train(where: str = "", number: int = 0):
    return {"model/number": note(where, number)}
"""


def test_each_task_is_done_once(two: tuple[Up, Up], place: dict[str, Any], tmp_path: Path) -> None:
    """Work that is asked of both servers, from a folder with nothing but code, is shared by two workers and done once each."""
    client = tmp_path / "client"
    client.mkdir()
    (client / "loopline.toml").write_text('[project]\nname = "flights"\nmodules = ["pipes"]\n')
    (client / "pipes.py").write_text(PIPES)
    folders = [project(tmp_path / name) for name in ("three", "four")]
    notes = tmp_path / "notes"
    with worker(folders[0], **place), worker(folders[1], **place):
        asked = [
            Command(
                "run", "train", "-p", f"where={notes}", "-p", f"number={number}",
                cwd=client, env=variables(LOOPLINE_URL=f"http://127.0.0.1:{two[number % 2].port}"),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for number in range(4)
        ]  # fmt: skip
        said = [one.communicate(timeout=100)[0] for one in asked]
    assert [one.returncode for one in asked] == [0] * 4, said
    assert sorted(notes.read_text().split()) == ["0", "1", "2", "3"]
    status, answer = two[0].ask("GET", "/api/v1/history?what=model/number")
    assert status == 200, answer
