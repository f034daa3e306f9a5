"""Requests as a collector sees them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from loopline.faces.inference.messages import SERVICE
from loopline.faces.otlp.tracing import Traced, Tracing, open_tracing, route_of, route_of_service
from loopline.server.listening import listen
from tests.server.fronting import fronted, naughty
from tests.server.naughty import RAISE, SLOW
from tests.server.serving import Served
from tests.server.test_speaking import asked

from .collecting import Collector, Seen, collector

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
"""The example of W3C Trace Context."""


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without anybody's variables, and send soon."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Run a collector that everything here sends to."""
    with collector() as (one, url):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield one


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a fresh ledger."""
    one = Served(tmp_path)
    yield one
    one.close()


def traced(served: Served) -> Tracing:
    """Trace it."""
    tracing = open_tracing("loopline")
    assert tracing is not None
    served.app = Traced(served.app, tracing, route_of)  # type: ignore[assignment]
    return tracing


def test_a_request_of_a_server_is_a_span(served: Served, collected: Collector) -> None:
    """It is a child of what traceparent names, with the route and the status, and without query, headers or probes."""
    tracing = traced(served)
    headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    assert served.ask("GET", "/api/v1/find?what=runs&where=secret", headers=headers).status_code in (200, 400)
    served.ask("GET", "/api/v1/tasks/" + "0" * 32)
    served.ask("GET", "/api/v1/made-up")
    served.ask("GET", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=secret")
    served.ask("GET", "/health")
    served.ask("GET", "/metrics")
    tracing.end()
    spans = {one.name: one for one in collected.until(lambda spans: len(spans) >= 4)}
    assert set(spans) == {"GET /api/v1/find", "GET /api/v1/tasks/{task}", "GET /api/v1/{verb}", "GET /api/2.0"}
    one = spans["GET /api/v1/find"]
    assert (one.trace, one.parent, one.kind, one.service) == (TRACE, PARENT, 2, "loopline")
    assert one.facts["http.route"] == "/api/v1/find"
    assert "secret" not in str(one)
    other = spans["GET /api/v1/tasks/{task}"]
    assert (other.parent, other.facts["http.response.status_code"], other.failed) == ("", 404, False)
    assert other.trace != TRACE


@pytest.mark.parametrize(
    "value", ["", "x", "00-0-0-01", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}"]
)
def test_a_header_that_is_no_context_begins_a_trace(served: Served, collected: Collector, value: str) -> None:
    """Whatever a client writes there, the request is answered and is a trace of its own."""
    tracing = traced(served)
    assert served.ask("GET", "/api/v1/find", headers={"traceparent": value}).status_code == 200
    tracing.end()
    (one,) = collected.until(lambda spans: len(spans) == 1)
    assert one.parent == ""


def test_a_caller_who_does_not_sample_is_not_traced(served: Served, collected: Collector) -> None:
    """The flag of traceparent decides, as the default sampler has it."""
    tracing = traced(served)
    served.ask("GET", "/api/v1/find", headers={"traceparent": TRACEPARENT.removesuffix("1") + "0"})
    served.ask("GET", "/api/v1/ls")
    tracing.end()
    assert [one.name for one in collected.until(lambda spans: len(spans) == 1)] == ["GET /api/v1/ls"]


def test_a_front_tells_of_queue_and_model(
    tmp_path: Path, collected: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prediction is a span with two children that lie within it, one after the other; a model that raises is an error."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=k1")
    with closing(listen("127.0.0.1", 0)) as taker:
        address = f"127.0.0.1:{taker.getsockname()[1]}"
    with fronted(replace(naughty(tmp_path, 0), grpc=address)) as front:
        assert front.post("/predict", {"records": [{"x": SLOW}]}, traceparent=TRACEPARENT).status == 200
        assert front.predict(RAISE).status == 500
        front.get("/v2/health/live")
        front.until(lambda one: one.grpc == address)
        assert asked(address, 1.0, metadata=(("traceparent", TRACEPARENT.replace(TRACE, OTHER)),)) == [1.0]
        with pytest.raises(grpc.RpcError):
            asked(address, RAISE)
        assert front.end() == 0
    spans = collected.until(lambda spans: len(spans) >= 12)
    assert len(spans) == 12
    called(spans)
    spans = [one for one in spans if not over_grpc(one, spans)]
    assert collected.headers[0]["x-key"] == "k1"
    mine = {one.name: one for one in spans if one.trace == TRACE}
    root, queue, model = mine["POST /predict"], mine["queue"], mine["model"]
    assert root.service == "loopline service/n@prod"
    assert (root.parent, queue.parent, model.parent) == (PARENT, root.id, root.id)
    slack = 2_000_000  # the clock of the wall and that of the processor are read one after the other
    assert root.began - slack <= queue.began <= queue.ended <= model.began + slack
    assert model.began < model.ended <= root.ended + slack
    assert model.ended - model.began > 10_000_000
    assert model.facts["loopline.version"] == "model/n@1"
    failed = {one.name: one for one in spans if one.trace != TRACE}
    assert (failed["POST /predict"].failed, failed["model"].failed, failed["queue"].failed) == (True, True, False)
    assert failed["POST /predict"].facts["http.response.status_code"] == 500


def over_grpc(span: Seen, spans: list[Seen]) -> bool:
    """Whether a span is of a call over gRPC."""
    return any(one.trace == span.trace and "rpc.system" in one.facts for one in spans)


def called(spans: list[Seen]) -> None:
    """Hold calls over gRPC to what requests over HTTP are held to: the same children, the parent that was named, errors."""
    good = {one.name: one for one in spans if one.trace == OTHER}
    root, queue, model = good[f"{SERVICE}/ModelInfer"], good["queue"], good["model"]
    assert (root.parent, queue.parent, model.parent, root.kind, root.failed) == (PARENT, root.id, root.id, 2, False)
    assert (root.facts["rpc.method"], root.facts["rpc.grpc.status_code"]) == ("ModelInfer", 0)
    assert (root.facts["client.address"], model.facts["loopline.version"]) == ("127.0.0.1", "model/n@1")
    failed = {one.name: one for one in spans if one.trace != OTHER and over_grpc(one, spans)}
    assert (failed[f"{SERVICE}/ModelInfer"].failed, failed["model"].failed) == (True, True)
    assert failed[f"{SERVICE}/ModelInfer"].facts["rpc.grpc.status_code"] == grpc.StatusCode.INTERNAL.value[0]


def test_nothing_is_traced_unless_somebody_says_where(caplog: pytest.LogCaptureFixture) -> None:
    """Without an endpoint there is neither a span nor an import; switched off or over what we do not speak neither."""
    program = (
        "import sys; from loopline.faces.otlp.tracing import open_tracing;"
        "print(open_tracing('x'), 'opentelemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "None False\n"
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert open_tracing("x", {**where, "OTEL_SDK_DISABLED": "true"}) is None
    assert open_tracing("x", {**where, "OTEL_TRACES_EXPORTER": "none"}) is None
    assert not caplog.records
    assert open_tracing("x", {**where, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is None
    assert "grpc" in caplog.text


def test_what_is_not_installed_is_said_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra the log names it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert open_tracing("x", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) is None
    assert "loopline[otel]" in caplog.text


@pytest.mark.parametrize("away", ["closed", "silent"])
def test_a_collector_that_is_away_slows_and_breaks_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, away: str
) -> None:
    """Nobody listens, or somebody who never answers: requests go on, spans that do not fit are dropped, and the end is soon."""
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "32")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if away == "silent":
            listening.listen(64)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        tracing = open_tracing("loopline")
        assert tracing is not None
        took = asyncio.run(_many(Traced(_answering, tracing, route_of_service), 2000))
        assert took < 2.0
        began = time.monotonic()
        tracing.end()
        assert time.monotonic() - began < 5


async def _answering(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _many(app: Any, number: int) -> float:
    """Answer many requests, and give how long the longest of them took."""

    async def send(message: Any) -> None:
        """Take it."""

    longest = 0.0
    for _ in range(number):
        began = time.perf_counter()
        await app({"type": "http", "method": "POST", "path": "/predict", "headers": []}, None, send)
        longest = max(longest, time.perf_counter() - began)
    return longest


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/predict", "/predict"),
        ("/", "/"),
        ("/v2/models/delay/infer", "/v2/models/{model}/infer"),
        ("/v2/models/delay/versions/7/infer", "/v2/models/{model}/versions/{version}/infer"),
        ("/v2/models/delay", "/v2/models/{model}"),
        ("/wp-admin/x", ""),
    ],
)
def test_a_route_has_no_names_in_it(path: str, route: str) -> None:
    """Spans of one kind have one name, whatever was asked for; what is no route has none."""
    assert route_of_service({"path": path}) == route
