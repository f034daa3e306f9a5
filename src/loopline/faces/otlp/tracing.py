"""tracing: a span for each request, and for what a front's models do of it, sent by OTLP over HTTP in batches.

It is on where OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set, and all of the SDK's standard variables hold: headers,
sampler, resource attributes, sizes of batches. Spans wait in a bounded queue for a thread that sends them; what does not fit, or
finds no collector, is dropped. A request never waits for any of this. Names follow OpenTelemetry's semantic conventions for HTTP
and RPC.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
PLACES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
PROBES: Final = ("/health", "/metrics", "/v2/health/", "/static/")
"""What is asked again and again by machines, and is no request of anybody's."""
_CONTEXT: Final = ("traceparent", "tracestate")
END_S: Final = 2.0
"""How long a process that ends waits for its last spans to be taken."""
_log = logging.getLogger("loopline.server")


def open_tracing(name: str, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """Begin to trace as service `name` (unless OTEL_SERVICE_NAME says another one); None where nobody asks for it.

    Where it is asked for and cannot be, that is said in the log, and nothing else changes.
    """
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not any(environ.get(one) for one in PLACES):
        return None
    protocol = next((environ[one] for one in PROTOCOLS if environ.get(one)), PROTOCOL)
    if protocol != PROTOCOL:
        _log.warning("traces are asked for over %s: only %s is spoken here, and nothing is traced", protocol, PROTOCOL)
        return None
    try:
        return Tracing(name)
    except ImportError:
        _log.warning("traces are asked for and cannot be made: pip install 'loopline[otel]'")
    except Exception:  # noqa: BLE001 (a mistake in a variable must not keep a server from its work)
        _log.exception("traces are asked for and cannot be made: look at the OTEL_ variables")
    return None


class Tracing:
    """Where spans come from and go to."""

    def __init__(self, name: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": name}
        resource = Resource.create({**named, "service.version": version("loopline"), "process.pid": os.getpid()})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer: Tracer = self._provider.get_tracer("loopline", version("loopline"))

    def part(self, name: str, *, began: float, took_s: float, error: str = "", **facts: str | int | bool) -> None:
        """Tell of something that the request under way has done, from `began` (by `time.perf_counter`) on."""
        from opentelemetry.trace import Status, StatusCode, get_current_span

        if not get_current_span().get_span_context().trace_flags.sampled:
            return
        start = time.time_ns() - int((time.perf_counter() - began) * 1e9)
        span = self.tracer.start_span(
            name, start_time=start, attributes={f"loopline.{key}": one for key, one in facts.items()}
        )
        if error:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(start + int(took_s * 1e9))

    @contextlib.contextmanager
    def call(self, name: str, metadata: Iterable[Any], peer: str) -> Iterator[Callable[[int, int, str], None]]:
        """Make a span of a call over gRPC (`package.Service/Method`), as a child of what its metadata say.

        It is told how the call ended: by the status that HTTP has for it, and by gRPC's own.
        """
        from opentelemetry import context
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        parent = _parent({key: value for key, value in metadata or () if key in _CONTEXT and isinstance(value, str)})
        service, _, method = name.rpartition("/")
        facts = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        kind, _, client = peer.partition(":")
        if kind in ("ipv4", "ipv6"):
            facts["client.address"] = unquote(client.rpartition(":")[0]).strip("[]")
        span = self.tracer.start_span(name, parent, SpanKind.SERVER, facts)
        token = context.attach(set_span_in_context(span, parent))

        def ended(status: int, code: int, word: str) -> None:
            span.set_attribute("rpc.grpc.status_code", code)
            if status >= 500:
                span.set_attribute("error.type", word)
                span.set_status(Status(StatusCode.ERROR))

        try:
            yield ended
        finally:
            context.detach(token)
            span.end()

    def end(self) -> None:
        """Send what waits, if a collector takes it soon."""
        thread = threading.Thread(target=self._provider.shutdown, name="loopline-traces-end", daemon=True)
        thread.start()
        thread.join(END_S)


class Traced:
    """An application whose requests are spans. `named` gives the route of a request that was answered."""

    def __init__(self, app: App, tracing: Tracing, named: Callable[[Scope], str]) -> None:
        self._app, self._tracing, self._named = app, tracing, named

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as a child of what `traceparent` says."""
        if scope["type"] != "http" or scope["path"].startswith(PROBES):
            await self._app(scope, receive, send)
            return
        from opentelemetry import context
        from opentelemetry.trace import SpanKind, set_span_in_context

        method = scope["method"]
        parent = _parent({
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"] if name in (b"traceparent", b"tracestate")
        })  # fmt: skip
        span = self._tracing.tracer.start_span(method, parent, SpanKind.SERVER, _asked(scope))
        token = context.attach(set_span_in_context(span, parent))
        status = 0

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except BaseException as error:
            if isinstance(error, Exception):
                status = status or 500
            span.set_attribute("error.type", type(error).__qualname__)
            raise
        finally:
            context.detach(token)
            _end(span, method, self._named(scope), status)


def _parent(found: Mapping[str, str]) -> Any:
    """Read W3C's traceparent and tracestate; what is none begins a trace of its own."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(found, Context()) if found else Context()


def _asked(scope: Scope) -> dict[str, Any]:
    """Say what was asked, without query and headers: those may hold secrets."""
    client, server = scope.get("client"), scope.get("server")
    told = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
    }
    if client:
        told["client.address"] = client[0]
    if server and server[1]:
        told["server.address"], told["server.port"] = server[0], server[1]
    return told


def _end(span: Span, method: str, route: str, status: int) -> None:
    from opentelemetry.trace import Status, StatusCode

    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def route_of(scope: Scope) -> str:
    """Give the route by which a server has answered: `/api/v1/find` for a verb, `/p/{project}` for a page."""
    from loopline.verbs import BY_NAME

    path = str(getattr(scope.get("route"), "path", ""))
    verb = scope.get("path_params", {}).get("verb")
    return path.replace("{verb}", verb) if verb in BY_NAME else path


def route_of_service(scope: Scope) -> str:
    """Give the route by which a service has answered; empty for what is none."""
    path = scope["path"]
    if path in (
        "/",
        "/predict",
        "/invocations",
        "/ping",
        "/v2",
        "/v2/models",
        "/v2/models/stats",
        "/v2/repository/index",
    ):
        return str(path)
    if not path.startswith("/v2/models/"):
        return ""
    version_ = "/versions/{version}" if "/versions/" in path else ""
    what = next((f"/{word}" for word in ("infer", "ready", "config", "stats") if path.endswith(f"/{word}")), "")
    return f"/v2/models/{{model}}{version_}{what}"
