"""A rollout with all that takes part in it: a host, a front with real models, requests that go on, and who steers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from loopline.datasets.tree import build
from loopline.loop import Loop
from loopline.models.codec import ModelCodec
from loopline.nouns.artifact import MODEL
from loopline.nouns.change import ChangeState
from loopline.nouns.declaration import Declaration
from loopline.nouns.deployment import Deployment
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.nouns.rolling import Judged, Plan, Step
from loopline.nouns.rollout import Rollout
from loopline.nouns.service import Labels
from loopline.server.host import Host
from loopline.server.steering import Steering
from loopline.settings import Settings, load_settings
from loopline.verbs import load
from loopline.wiring import open_loop
from tests.server.naughty import Naughty

DELAY = AssetName("flights", "model", "delay")
PROD = RefName(AssetName("flights", "service", "delay"), "prod")
PLAN = Plan(
    "canary", (Step(0.3, least=20), Step(0.6, least=20)), (Judged("errors", "events", 0.25),), alpha=0.2,
    unit_window=timedelta(milliseconds=1),
)  # fmt: skip
DECLARED = Declaration(
    str(PROD.asset), unit=("header:x-user",), rollout=PLAN, labels=Labels(kind="regression"), allow_pickle=True
)


class Rolled:
    """A machine with a service, and people who ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: Settings = load_settings(
            folder, environ={}, home=folder / "home", project="flights", actor="ann"
        )
        self.loop: Loop = open_loop(self.settings)
        self.host = Host(self.loop, self.settings)
        self.steering = Steering(self.settings)
        self.answers: list[tuple[int, str]] = []
        """Status, and the version of the service that answered."""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self.host.run)]

    def do(self, verb: str, *args: Any, **asked: Any) -> Any:
        """Call a verb."""
        return load(verb)(self.loop, *args, **asked)

    def publish(self, add: float) -> int:
        """Publish a model that adds a number, and give its version."""
        place = self.folder / f"model{add}"
        place.mkdir()
        ModelCodec(allow_pickle=True).dump(Naughty(add), place)
        blobs = self.loop.blobs
        files = {str(one.relative_to(place)): one.read_bytes() for one in place.rglob("*") if one.is_file()}
        root = build(blobs, sorted(Entry(name, blobs.put(data), len(data)) for name, data in files.items()))
        return int(self.do("put", DELAY, digest=root, media_type=MODEL).number)

    def deploy(self, add: float) -> Any:
        """Deploy it, with the champion."""
        model = Pointer(DELAY, Numbered(self.publish(add)))
        return self.do("deploy", PROD, model=model, declared=DECLARED, also=(RefName(DELAY, "champion"),))

    def begin(self) -> None:
        """Serve the first version, and let people ask it."""
        self._threads[0].start()
        self.deploy(0.0)
        one = self._ready()
        self._threads += [threading.Thread(target=self._ask, args=(one.url, place)) for place in range(2)]
        for thread in self._threads[1:]:
            thread.start()

    def _ready(self) -> Deployment:
        end, found = time.monotonic() + 60, None
        while time.monotonic() < end:
            with self.loop.ledger.read() as tx:
                found = tx.deployments.find("flights", str(PROD))
            if found is not None and found.state == "ready":
                return found
            time.sleep(0.05)
        raise AssertionError(found)

    def _ask(self, url: str, place: int) -> None:
        for number in itertools.count():
            if self._stop.wait(0.01):
                return
            body = json.dumps({"records": [{"x": 1.0}]}).encode()
            headers = {"Content-Type": "application/json", "x-user": f"{place}-{number}"}
            try:
                with urlopen(Request(f"{url}/predict", body, headers), timeout=20) as said:
                    self.answers.append((said.status, said.headers["Loopline-Number"]))
            except HTTPError as error:
                self.answers.append((error.code, ""))

    def until(self, good: Callable[[Rollout], bool], seconds: float = 90) -> Rollout:
        """Steer until the rollout is as a test wants it."""
        end = time.monotonic() + seconds
        while not good(one := self._newest()):
            assert time.monotonic() < end, one
            self.steering(self.loop)
            time.sleep(0.05)
        return one

    def _newest(self) -> Rollout:
        found: Rollout = self.do("rollouts")[0]
        return found

    def end(self) -> None:
        """End all of it."""
        self._stop.set()
        self.host.stop()
        for thread in self._threads:
            thread.join(60)
        self.steering.wait(30)
        self.loop.ledger.close()


@pytest.fixture
def rolled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rolled]:
    """A machine whose service answers. Its models are of a class that model processes find here."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    one = Rolled(tmp_path)
    one.begin()
    yield one
    one.end()


@pytest.mark.long
def test_a_rollout_moves_everything_and_no_request_fails(rolled: Rolled) -> None:
    """Shares grow by what is recorded, whoever steers may be killed, all moves at the end, and every request is answered."""
    change = rolled.deploy(10.0)
    assert change.state is ChangeState.ROLLING
    rolled.until(lambda one: one.progress.weight == 0.3)
    process = rolled.steering._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    rolled.until(lambda one: one.progress.weight == 0.6)
    rolled.until(lambda one: one.over)
    with rolled.loop.ledger.read() as tx:
        assert {str(one.name): one.target for one in (tx.refs.get(PROD), tx.refs.get(RefName(DELAY, "champion")))} == {
            "service/delay@prod": 2, "model/delay@champion": 2,
        }  # fmt: skip
        assert tx.changes.get(change.id).state is ChangeState.APPLIED
    end = time.monotonic() + 30
    while time.monotonic() < end and {number for _, number in rolled.answers[-20:]} != {"2"}:
        time.sleep(0.1)
    counted = Counter(number for _, number in rolled.answers)
    assert {status for status, _ in rolled.answers} == {200}
    assert counted["1"] > 50 < counted["2"]
    assert {number for _, number in rolled.answers[-20:]} == {"2"}
