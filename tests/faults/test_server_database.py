"""A PostgreSQL that goes away under a server and its worker, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.conftest import PostgresServer, cannot, postgres_binaries, postgres_server
from tests.server.running import Up, project

from .hammering import Client

pytestmark = pytest.mark.faults


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that this test may stop."""
    binaries = postgres_binaries()
    if binaries is None:
        cannot("PostgreSQL's server programs are not installed")
    with postgres_server(binaries) as server:
        yield server


@pytest.mark.timeout(180)
def test_a_lost_database_is_got_over(postgres: PostgresServer, tmp_path: Path) -> None:
    """While it is away the server lives and is not ready, and when it is back clients go on with nothing lost or doubled."""
    folder = project(tmp_path / "flights")
    server = Up(folder, LOOPLINE_DATABASE=postgres.url)
    stop = threading.Event()
    clients = [Client(server.port, stop) for _ in range(4)]
    names: list[str] = []

    def work(me: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            clients[me].write("start", name=f"c{me}-{number}")
            names.append(f"c{me}-{number}")

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    try:
        server.ready()
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(1)
            postgres.stop()
            time.sleep(1.5)
            status, answer = server.ask("POST", "/api/v1/start", {"name": "away"})
            assert (status, answer["title"]) == (503, "Unavailable")
            assert server.ask("GET", "/health")[0] == 200
            status, answer = server.ask("GET", "/health/ready")
            assert (status, answer["kind"]) == (503, "ledger-unreachable")
            assert postgres.start()
            until = time.monotonic() + 20
            while server.ask("GET", "/health/ready")[0] != 200:
                assert time.monotonic() < until
                time.sleep(0.2)
            before = len(names)
            time.sleep(1)
            assert len(names) > before
        stop.set()
        for thread in threads:
            thread.join(70)
        task = server.result("verify")
        assert server.task(task["id"])["state"] == "done"
        assert server.stop() == 0
    finally:
        stop.set()
        for client in clients:
            client.close()
        server.end()
    loop = open_loop(load_settings(folder, environ={"USER": "ann", "LOOPLINE_DATABASE": postgres.url}))
    with loop.ledger.read() as tx:
        assert tx.feed.verify("flights") is None
        assert sorted(row[0] for row in tx.rows.all("SELECT name FROM runs")) == sorted(names)
    loop.ledger.close()
