"""A real Prometheus scrapes a server and a service that really run; what it then knows is what was sent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.service import Objectives
from loopline.signals.dashboard import dashboard
from loopline.signals.rules import Watched, rules, yaml
from loopline.verbs.monitoring import SCRAPING
from tests.faces.prometheus.exposing import OPENMETRICS, checked, samples, tool
from tests.server.fronting import Fronted, fronted, naughty
from tests.server.naughty import RAISE
from tests.server.running import Up, project

WHERE = 'project="p",ref="service/n@prod"'
SENT = 40


class Prometheus:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    tool("prometheus"), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
                ],
                stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "1"},
            )  # fmt: skip

    def query(self, text: str) -> list[dict[str, Any]]:
        """Ask for what it knows now."""
        words = urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{words}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def value(self, text: str) -> float | None:
        """Give the one value of an expression; None where there is none."""
        found = self.query(text)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def until(self, text: str, good: Callable[[float], bool]) -> float:
        """Wait until an expression has such a value."""
        end = time.monotonic() + 30
        found: float | None = None
        while time.monotonic() < end:
            try:
                found = self.value(text)
            except urllib.error.URLError:
                assert self.process.poll() is None, self.log.read_text()
            if found is not None and good(found):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{text} is {found}\n{self.log.read_text()}")

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def prometheus(folder: Path, targets: dict[str, list[str]]) -> Iterator[Prometheus]:
    """Run one that scrapes each second what the generated configuration names, and a server beside it."""
    told = json.loads(json.dumps(SCRAPING))
    told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    told["scrape_configs"].append({"job_name": "loopline", "static_configs": [{"targets": targets["server"]}]})
    (folder / "prometheus.yml").write_text(yaml(told))
    (folder / "n@prod.targets.json").write_text(json.dumps([{"targets": targets["service"]}]))
    one = Prometheus(folder)
    try:
        yield one
    finally:
        one.end()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Up]:
    """Run a server of two processes."""
    project(tmp_path / "flights")
    one = Up(tmp_path / "flights", "--no-worker", "--workers", "2")
    yield one
    one.end()


@pytest.mark.slow
def test_what_prometheus_knows_is_what_was_sent(tmp_path: Path, server: Up) -> None:
    """Requests, rows, latency and processes match the traffic, with two processes behind one address, and alerts fire."""
    wanted = Objectives(availability=0.999, latency=0.99, within=timedelta(milliseconds=500))
    desired = naughty(tmp_path / "models", 0)
    desired = replace(desired, service=replace(desired.service, objectives=wanted))
    watched = Watched("p", "service/n@prod", desired.service)
    folder = tmp_path / "monitoring"
    folder.mkdir()
    (folder / "n@prod.rules.yml").write_text(yaml(rules(watched)))
    server.ready()
    with fronted(desired) as front:
        targets = {"server": [f"127.0.0.1:{server.port}"], "service": [f"127.0.0.1:{front.port}"]}
        with prometheus(folder, targets) as known:
            known.until(f"loopline_service_ready{{{WHERE}}}", lambda value: value == 1)
            known.until("loopline_ledger_up", lambda value: value == 1)
            ask(server, front)
            matches(known, front)
            of_server(known, server)
            panels(known, watched)
            fires(known, front)


def ask(server: Up, front: Fronted) -> None:
    """Send traffic: each on a connection of its own, so that both processes of the server get some."""
    for _ in range(SENT):
        assert server.ask("GET", "/api/v1/find?what=runs")[0] == 200
    for _ in range(5):
        assert server.ask("GET", "/api/v1/find?what=never")[0] == 400
    server.result("start", name="train")
    for number in range(SENT):
        assert front.predict(float(number), float(number)).status == 200
    assert front.post("/predict", {"records": []}).status == 400


def matches(known: Prometheus, front: Fronted) -> None:
    """Hold what is known of the service against what was sent."""
    requests = f'loopline_service_requests_total{{{WHERE},status="200"}}'
    assert known.until(requests, lambda value: value >= SENT) == SENT
    assert known.value(f"loopline_service_predictions_total{{{WHERE}}}") == 2 * SENT
    assert known.value(f"loopline_service_request_duration_seconds_count{{{WHERE}}}") == SENT
    assert known.value(f'sum(loopline_service_requests_total{{{WHERE},status="400"}})') == 1
    assert known.value(f"loopline_service_model_processes{{{WHERE}}}") == 1
    assert known.value('up{job="loopline-services"}') == 1
    assert known.value('process_resident_memory_bytes{job="loopline-services"}') > 1e6  # type: ignore[operator]
    text = front.pool.request("GET", "/metrics").data.decode()
    checked(text)
    answer = front.pool.request("GET", "/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert set(samples(answer.data.decode())) == set(samples(text))


def of_server(known: Prometheus, server: Up) -> None:
    """Hold what is known of the server against what was sent."""
    good = 'loopline_http_requests_total{route="read",status="200"}'
    assert known.until(good, lambda value: value >= SENT) == SENT
    assert known.value('loopline_http_requests_total{route="read",status="400"}') == 5
    assert known.value('loopline_http_request_duration_seconds_count{route="read"}') == SENT + 5
    assert known.until('loopline_runs{state="running"}', lambda value: value == 1)
    assert len(known.query("process_cpu_seconds_total{job='loopline'}")) == 2
    assert known.value("resets(process_cpu_seconds_total{job='loopline',process='1'}[1m])") == 0
    checked(server.ask("GET", "/metrics")[1])


def panels(known: Prometheus, watched: Watched) -> None:
    """Ask what every panel of the dashboard asks: each must show something."""
    known.until(f"sum(rate(loopline_service_requests_total{{{WHERE}}}[1m]))", lambda value: value > 0)
    empty = [
        panel["title"]
        for panel in dashboard(watched)["panels"] for target in panel["targets"]
        if not known.query(target["expr"].replace("$__rate_interval", "1m"))
    ]  # fmt: skip
    assert empty == []


def fires(known: Prometheus, front: Fronted) -> None:
    """Let requests fail: the alerts on availability fire, and none on latency."""
    alert = 'max(ALERTS{alertname="LooplineService%sBurns",alertstate="firing"})'
    assert known.value(alert % "Availability") is None
    for _ in range(10):
        assert front.predict(RAISE).status == 500
    known.until(alert % "Availability", lambda value: value == 1)
    assert known.value(alert % "Latency") is None
