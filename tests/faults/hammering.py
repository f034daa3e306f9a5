"""Clients that go on asking a server which dies under them, and remember all that it has acknowledged."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

PATIENCE_S = 60.0


class Client:
    """One client with one connection. Every write goes under a key, and is sent again until somebody answers."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        self.port, self.stop = port, stop
        self.acknowledged: list[tuple[str, Any]] = []
        self.problems: list[str] = []
        self.tries = 0
        self._connection: http.client.HTTPConnection | None = None

    def write(self, verb: str, **words: Any) -> Any:
        """Ask a write or work, and give its result, or its task."""
        answer = self._ask("POST", f"/api/v1/{verb}", json.dumps(words).encode(), {"Idempotency-Key": uuid.uuid4().hex})
        return answer.get("result", answer.get("task"))

    def read(self, path: str) -> Any:
        """Ask a read."""
        return self._ask("GET", path, None, {})

    def put(self, body: bytes) -> str:
        """Send a blob."""
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self._ask("PUT", f"/api/v1/blobs/{digest}", body, {})
        return digest

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        until = time.monotonic() + PATIENCE_S
        if body is not None:
            headers = headers | {"Content-Type": "application/octet-stream" if method == "PUT" else "application/json"}
        while True:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                self.tries += 1
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
                continue
            if answer.status == 503 and time.monotonic() < until:
                time.sleep(0.02)
                continue
            if answer.status == 409 or b'"nothing-to-move"' in text:
                raise Faster(text)
            if answer.status >= 400:
                raise AssertionError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return json.loads(text) if text else {}


class Faster(Exception):  # noqa: N818 (somebody else was, or nobody)
    """There is nothing to move to."""


def runs(client: Client, me: str, number: int) -> None:
    """Record a run with metrics from its beginning to its end."""
    run = client.write("start", name=f"{me}-{number}")["id"]
    client.acknowledged.append(("run", (run, f"{me}-{number}")))
    for step in range(3):
        points = [{"key": "loss", "value": 1.0 / (step + 1), "step": step, "time": 0}]
        client.write("log", run=run, points=points, source=me, sequence=step + 1)
        client.acknowledged.append(("point", (run, step)))
    client.write("finish", run=run)
    client.acknowledged.append(("finished", run))


def versions(client: Client, me: str, number: int) -> None:
    """Send bytes and publish them."""
    digest = client.put(f"{me} {number}".encode() * 50)
    version = client.write("put", asset="model/counter", digest=digest)
    client.acknowledged.append(("version", (version["number"], digest)))


def moves(client: Client, me: str, number: int) -> None:
    """Move a ref to the newest version, where there is a newer one."""
    with suppress(Faster):
        change = client.write("propose", ref=f"model/counter@{me}", to="latest", why=f"{me} {number}")
        client.acknowledged.append(("moved", change["id"]))
    time.sleep(0.02)


def looks(client: Client, me: str, number: int) -> None:
    """Read what is there."""
    del me
    client.read(("/api/v1/find?what=runs&limit=20", "/api/v1/feed?limit=50", "/api/v1/ls")[number % 3])


def tasks(client: Client, me: str, number: int) -> None:
    """Ask for work."""
    del me
    task = client.write("verify", deep=bool(number % 2))
    client.acknowledged.append(("task", task["id"]))
    time.sleep(0.05)


KINDS: tuple[Callable[[Client, str, int], None], ...] = (runs, runs, runs, versions, versions, moves, looks, tasks)
"""What each of eight clients does."""


class Hammering:
    """Eight clients at once, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self.stop = threading.Event()
        self.clients = [Client(port, self.stop) for _ in KINDS]
        self._threads = [
            threading.Thread(target=self._work, args=(client, kind, f"c{number}"))
            for number, (client, kind) in enumerate(zip(self.clients, KINDS, strict=True))
        ]

    def begin(self, first: Callable[[Client], None]) -> None:
        """Do what all need first, then let them go."""
        first(self.clients[0])
        for thread in self._threads:
            thread.start()

    def end(self) -> list[tuple[str, Any]]:
        """Let each come to the end of what it is doing, and give all that was acknowledged."""
        self.stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + 20)
        for client in self.clients:
            client.close()
        problems = [problem for client in self.clients for problem in client.problems]
        if problems:
            raise AssertionError(problems[:3])
        return [one for client in self.clients for one in client.acknowledged]

    def _work(self, client: Client, kind: Callable[[Client, str, int], None], me: str) -> None:
        number = 0
        chance = random.Random(me)
        while not self.stop.is_set():
            number += 1
            try:
                kind(client, me, number)
            except Exception as error:  # noqa: BLE001 (the test looks at it)
                client.problems.append(f"{me}: {type(error).__name__} {error}")
                return
            time.sleep(chance.random() * 0.005)
