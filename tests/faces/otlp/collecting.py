"""A collector of OpenTelemetry: it takes OTLP over HTTP, decodes it, and keeps what came."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Seen:
    """A span as it came."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    failed: bool
    began: int
    ended: int
    facts: dict[str, Any]


class Collector:
    """What has come so far."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self._changed = threading.Condition()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Decode one export."""
        assert path == "/v1/traces"
        assert headers["content-type"] == "application/x-protobuf"
        raw = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        export = ExportTraceServiceRequest.FromString(raw)
        with self._changed:
            self.headers.append(headers)
            for one in export.resource_spans:
                service = dict(pairs(one.resource.attributes))["service.name"]
                self.spans += [seen(service, span) for scope in one.scope_spans for span in scope.spans]
            self._changed.notify_all()

    def until(self, good: Callable[[list[Seen]], bool]) -> list[Seen]:
        """Wait until what came is enough."""
        end = time.monotonic() + 20
        with self._changed:
            while not good(self.spans):
                assert time.monotonic() < end, self.spans
                self._changed.wait(0.2)
            return list(self.spans)


def pairs(attributes: Any) -> Iterator[tuple[str, Any]]:
    """Give attributes as values of Python."""
    for one in attributes:
        yield one.key, getattr(one.value, one.value.WhichOneof("value"))


def seen(service: str, span: Any) -> Seen:
    """Read a span."""
    return Seen(
        service, span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.kind,
        span.status.code == 2, span.start_time_unix_nano, span.end_time_unix_nano, dict(pairs(span.attributes)),
    )  # fmt: skip


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """Listen on a port of this machine; give the collector and its address."""
    one = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            one.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(one.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
