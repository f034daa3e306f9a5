"""A front with real model processes, told what to serve as a host tells it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import urllib3

from loopline.models.codec import ModelCodec
from loopline.nouns.digest import digest_of
from loopline.nouns.service import Arm, Limits, Service
from loopline.nouns.signature import Column, Signature
from loopline.server.children import START
from loopline.server.listening import listen
from loopline.serving.desired import Answering, Desired, Place
from tests.server.naughty import Naughty

SIGNATURE = Signature((Column("x", "FP64"),), (Column("predict", "FP64"),))
HERE = str(Path(__file__).parent)


def stored(folder: Path, model: Any) -> Place:
    """A model in a folder of its own."""
    folder.mkdir(parents=True)
    ModelCodec(allow_pickle=True).dump(model, folder)
    return Place(str(folder))


def naughty(root: Path, *adds: float, number: int = 1, **of_service: Any) -> Desired:
    """A service version whose arms add what is given: `m0` with model/n@1, and so on."""
    places, arms = [], []
    for at, add in enumerate(adds):
        version = f"model/n@{round(add) + 1}"
        places.append(stored(root / f"{number}-{at}", Naughty(add)))
        digest = digest_of(f"{add}".encode())
        arms.append(Arm(f"m{at}", version, digest, run="r", signature=SIGNATURE, pickle=True))
    service = Service("service/n", tuple(arms), **of_service)
    return Desired("p", "service/n@prod", number, f"change{number}", service, tuple(places), "")


class Fronted:
    """A front that runs."""

    def __init__(self, desired: Desired, *, hosts: Sequence[str] = ()) -> None:
        self.listening = listen("127.0.0.1", 0)
        self.port = int(self.listening.getsockname()[1])
        self.control, theirs = socket.socketpair()
        words = {
            "ref": desired.ref, "project": desired.project,
            "listening": self.listening.fileno(), "control": theirs.fileno(), "hosts": list(hosts),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", START.format("server.front"), json.dumps(words)],
            pass_fds=(self.listening.fileno(), theirs.fileno()),
            env={**os.environ, "PYTHONPATH": HERE.removesuffix("/tests/server")},
        )
        theirs.close()
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=64, block=False, retries=False)
        self._said: Answering | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._hear, daemon=True).start()
        self.want(desired)

    def _hear(self) -> None:
        for line in self.control.makefile("rb"):
            with self._changed:
                self._said = msgspec.json.decode(line, type=Answering)
                self._changed.notify_all()

    def want(self, desired: Desired) -> None:
        """Tell it what to serve."""
        self.control.sendall(msgspec.json.encode(desired) + b"\n")

    def until(self, holds: Callable[[Answering], bool], patience_s: float = 30) -> Answering:
        """Wait until it says something."""
        end = time.monotonic() + patience_s
        with self._changed:
            while self._said is None or not holds(self._said):
                assert time.monotonic() < end, self._said
                self._changed.wait(0.2)
            return self._said

    def said(self) -> Answering:
        """Give what it said last."""
        return self.until(lambda said: said is not None)

    def ready(self, number: int = 1) -> Answering:
        """Wait until a version answers."""
        return self.until(lambda said: said.ready and said.number == number)

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Ask for something."""
        said = self.pool.request("GET", path, headers=headers)
        return said.status, said.json()

    def post(self, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send something."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.pool.request(
            "POST", path, body=raw, headers={name.replace("_", "-"): one for name, one in headers.items()}
        )

    def predict(self, *values: float, **more: Any) -> urllib3.BaseHTTPResponse:
        """Ask about rows."""
        return self.post("/predict", {"records": [{"x": value} for value in values], **more})

    def end(self) -> int:
        """End it in order."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(40)
        finally:
            self.process.kill()
            self.pool.close()
            self.control.close()
            self.listening.close()
        return status


@contextmanager
def fronted(desired: Desired, *, hosts: Sequence[str] = ()) -> Iterator[Fronted]:
    """Run a front that is ready, for as long as the block lasts."""
    front = Fronted(desired, hosts=hosts)
    try:
        front.ready(desired.number)
        yield front
    finally:
        front.end()


def limited(desired: Desired, **limits: Any) -> Desired:
    """The same under other limits."""
    return replace(desired, service=replace(desired.service, limits=Limits(**limits)))
