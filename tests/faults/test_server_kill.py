"""A server that is killed at any moment, under eight clients: nothing that it has acknowledged is lost or doubled."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.digest import Digest
from loopline.nouns.run import RunState
from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.server.running import Up, free_port, project

from .hammering import Client, Hammering, versions


def killed(folder: Path, rounds: int) -> tuple[list[tuple[str, Any]], list[float], float]:
    """Kill and start a server under load; give what was acknowledged, how long each start took, and all of it."""
    began, port, chance = time.monotonic(), free_port(), random.Random()
    server = Up(folder, "--no-worker", port=port)
    server.ready()
    hammering = Hammering(port)
    hammering.begin(lambda client: versions(client, "first", 0))
    took = []
    try:
        for _ in range(rounds):
            time.sleep(chance.uniform(0.05, 0.35))
            server.process.send_signal(signal.SIGKILL)
            server.end()
            server = Up(folder, "--no-worker", port=port, wait=False)
            took.append(server.ready())
    finally:
        try:
            acknowledged = hammering.end()
        finally:
            server.end()
    return acknowledged, took, time.monotonic() - began


def check(folder: Path, acknowledged: list[tuple[str, Any]]) -> Counter[str]:
    """Hold the ledger against all that was acknowledged."""
    loop = open_loop(load_settings(folder, environ={"USER": "ann"}))
    said = Counter(kind for kind, _ in acknowledged)
    with loop.ledger.read() as tx:
        assert tx.feed.verify("flights") is None
        assert (tx.rows.one("PRAGMA integrity_check") or ("",))[0] == "ok"
        runs = tx.rows.all("SELECT id, name, state FROM runs")
        assert max(Counter(name for _, name, _ in runs).values(), default=1) == 1
        points = Counter(tx.rows.all("SELECT s.run, p.step FROM points p JOIN series s ON s.id = p.series"))
        assert max(points.values(), default=1) == 1
        numbers = [row[0] for row in tx.rows.all("SELECT number FROM versions ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        digests: dict[int, str] = dict(tx.rows.all("SELECT number, digest FROM versions"))
        assert max(Counter(digests.values()).values()) == 1
        changes = {row[0] for row in tx.rows.all("SELECT id FROM changes")}
        tasks = {row[0] for row in tx.rows.all("SELECT id FROM tasks")}
        names, states = {row[0]: row[1] for row in runs}, {row[0]: row[2] for row in runs}
        for kind, what in acknowledged:
            match kind:
                case "run":
                    assert names[what[0]] == what[1]
                case "point":
                    assert points[what]
                case "finished":
                    assert states[what] == RunState.FINISHED
                case "version":
                    assert digests[what[0]] == what[1]
                    loop.blobs.verify(Digest(what[1]))
                case "moved":
                    assert what in changes
                case "task":
                    assert what in tasks
        assert len(tasks) == said["task"]
        assert len(changes) == said["moved"]
        assert len(runs) == said["run"]
        assert len(numbers) == said["version"]
    loop.ledger.close()
    return said


@pytest.mark.slow
def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """Killed three times under load: all that was acknowledged is there, once; it is ready again within 2 s."""
    folder = project(tmp_path / "flights")
    acknowledged, took, _ = killed(folder, 3)
    said = check(folder, acknowledged)
    assert min(said[kind] for kind in ("run", "point", "finished", "version", "moved", "task")) > 0
    assert max(took) <= 2.0


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_hundred_kills_of_a_server(tmp_path: Path) -> None:
    """The same a hundred times, within two minutes."""
    folder = project(tmp_path / "flights")
    acknowledged, took, seconds = killed(folder, 100)
    said = check(folder, acknowledged)
    assert sum(said.values()) > 500
    assert max(took) <= 2.0
    assert seconds <= 120


def test_a_client_that_was_never_answered_is_heard_once(tmp_path: Path) -> None:
    """A write that was under way when the server died happens once, whoever sends it again and how often."""
    folder, port = project(tmp_path / "flights"), free_port()
    server = Up(folder, "--no-worker", port=port)
    import threading

    client = Client(port, threading.Event())
    try:
        server.ready()
        thread = threading.Thread(target=lambda: [client.write("start", name=f"n{i}") for i in range(200)])
        thread.start()
        time.sleep(0.15)
        server.process.send_signal(signal.SIGKILL)
        server.end()
        server = Up(folder, "--no-worker", port=port)
        thread.join(60)
        assert not thread.is_alive()
        assert client.tries > 200
        names = [one["name"] for one in server.ask("GET", "/api/v1/find?what=runs&limit=1000")[1]["result"]]
    finally:
        client.close()
        server.end()
    assert sorted(names) == sorted(f"n{i}" for i in range(200))
