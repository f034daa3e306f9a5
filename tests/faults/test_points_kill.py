"""A server that is killed while training loops log to it: each point that was acknowledged is there, once."""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.server.running import Up, free_port, project

if TYPE_CHECKING:
    from pathlib import Path

V2 = "/api/2.0/mlflow/runs"


class Training(threading.Thread):
    """One client: it sends a point again until somebody says that it is there."""

    def __init__(self, port: int, run: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.run_id, self.stop = port, run, stop
        self.acknowledged: list[int] = []
        self.sent_again = 0
        self.wrong: list[Any] = []

    def run(self) -> None:
        """Log one point after the other."""
        connection, step = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10), 0
        while not self.stop.is_set():
            said = {"run_id": self.run_id, "key": "loss", "value": step / 2, "timestamp": 1_000 + step, "step": step}
            try:
                connection.request("POST", f"{V2}/log-metric", json.dumps(said), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                self.sent_again += 1
                time.sleep(0.01)
                continue
            if answer.status != 200:
                self.wrong.append((answer.status, body))
            self.acknowledged.append(step)
            step += 1
        connection.close()


@pytest.mark.slow
def test_a_killed_server_keeps_every_point_that_it_acknowledged(tmp_path: Path) -> None:
    """Killed three times under six clients that try again: no point is lost, none is there twice, and the file is whole."""
    folder, port, chance, stop = project(tmp_path / "flights"), free_port(), random.Random(), threading.Event()
    server = Up(folder, "--no-worker", port=port)
    server.ready()
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    runs = []
    for _ in range(6):
        made.request("POST", f"{V2}/create", b'{"experiment_id":"0"}', {"Content-Type": "application/json"})
        runs.append(json.load(made.getresponse())["run"]["info"]["run_id"])
    made.close()
    clients = [Training(port, run, stop) for run in runs]
    for client in clients:
        client.start()
    try:
        for _ in range(3):
            time.sleep(chance.uniform(0.1, 0.4))
            server.process.send_signal(signal.SIGKILL)
            server.end()
            server = Up(folder, "--no-worker", port=port, wait=False)
            server.ready()
        time.sleep(0.2)
    finally:
        stop.set()
        for client in clients:
            client.join(30)
        server.end()
    loop = open_loop(load_settings(folder, environ={"USER": "ann"}))
    with loop.ledger.read() as tx:
        assert (tx.rows.one("PRAGMA integrity_check") or ("",))[0] == "ok"
        for client in clients:
            assert client.wrong == []
            steps = [row[0] for row in tx.metrics.rows(client.run_id, "loss", limit=10**6)]
            assert steps[: len(client.acknowledged)] == client.acknowledged
            assert len(steps) - len(client.acknowledged) in (0, 1)
            assert tx.rows.one("SELECT count FROM series WHERE run = ?", client.run_id) == (len(steps),)
    loop.ledger.close()
    assert sum(len(client.acknowledged) for client in clients) > 50
    assert sum(client.sent_again for client in clients) > 0
