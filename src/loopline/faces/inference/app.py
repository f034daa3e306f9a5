"""app: the addresses of a service, as a bare ASGI application: it is asked thousands of times a second.

What is served is asked for anew with each request, so that a service that moves to another version needs no new connection.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import unquote

import msgspec

from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.faces.inference import errors, records, scoring, wire
from loopline.nouns.service import Arm, Limits
from loopline.serving.question import Answer, Question

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
JSON: Final = (b"content-type", b"application/json")
EXTENSIONS: Final = ("binary_tensor_data", "model_repository", "statistics", "model_configuration")
INVOCATIONS: Final = "/invocations"
DEFECT: Final = "a defect of the service, see its log"
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("loopline.server")


class Served(Protocol):
    """One service version that answers."""

    headers: frozenset[str]
    """Those of a request that it looks at, in lower case."""

    @property
    def main(self) -> Arm:
        """The arm whose model describes the service."""

    @property
    def limits(self) -> Limits:
        """What one request may be."""

    @property
    def ready(self) -> bool:
        """Whether it can answer."""

    def versions(self) -> list[str]:
        """Numbers of the models' versions that get traffic."""

    def stamp(self) -> Mapping[str, str]:
        """Where its answers come from."""

    async def ask(self, question: Question) -> Answer:
        """Answer."""


class Front(Protocol):
    """What the process that serves can tell."""

    name: str
    """As clients call the model: `delay`."""

    def served(self) -> Served | None:
        """Give the version that answers now; None: there is none yet."""

    def new_id(self) -> str:
        """Give an id for a request without one."""

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Give all meters as text, and its media type."""

    def statistics(self) -> Iterable[Mapping[str, Any]]:
        """Give what Triton's clients call model_stats."""

    def refused(self, kind: str, status: int) -> None:
        """Count a request that did not come as far as a model, by the kind of its error and the HTTP status that says it."""


class Inference:
    """The application. It speaks to loopback's names alone, unless `hosts` has others (`*`: anybody's)."""

    def __init__(self, front: Front, *, hosts: Iterable[str] = ()) -> None:
        self._front = front
        self._hosts = frozenset((*LOOPBACK, *hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._answer(scope, receive)
        except LooplineError as error:
            status, headers, body = _said(error, scope["path"])
            self._front.refused(error.kind, status)
        except Gone:
            return
        except Exception:  # noqa: BLE001 (a defect answers one request, and the others go on)
            _log.exception("%s %s", scope["method"], scope["path"])
            status, headers = 500, [JSON]
            body = _encode({"error": DEFECT, "kind": "defect", "hint": ""})
            self._front.refused("defect", status)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        path, method = scope["path"], scope["method"]
        if "*" not in self._hosts:
            self._check_host(scope)
        if method == "POST":
            if path.endswith("/infer"):
                return await self._infer(scope, receive)
            if path == "/predict":
                return await self._predict(scope, receive)
            if path == INVOCATIONS:
                return await self._score(scope, receive)
            return self._posted(path)
        if method not in ("GET", "HEAD"):
            raise Invalid(f"{method} is not spoken here", kind="method-not-allowed", hint="use GET or POST")
        return self._get(path.rstrip("/") or "/", scope)

    def _check_host(self, scope: Scope) -> None:
        """Refuse names that a page of somebody else's could have given to this machine (DNS rebinding)."""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
                host = host if host.endswith("]") else host.rpartition(":")[0] or host
                if host.lower() not in self._hosts:
                    raise Invalid(
                        f"this service is not called {host!r}", kind="bad-host", hint="set LOOPLINE_SERVICE_HOST"
                    )
                return

    def _served(self) -> Served:
        served = self._front.served()
        if served is None:
            raise Unavailable("no model is loaded yet", kind="not-ready", hint="wait a moment, then try again")
        return served

    async def _infer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        served, headers, body = await self._read(scope, receive)
        version = self._model(scope["path"].removesuffix("/infer"), served)[1]
        question, asked = wire.read(body, headers.get(wire.LENGTH, ""), new_id=self._front.new_id)
        question.version, question.headers = version, headers
        answer = await served.ask(question)
        body, size = wire.write(answer, asked, self._front.name)
        told = _stamped(answer)
        if size:
            told[0] = (b"content-type", b"application/octet-stream")
            told.append((wire.LENGTH.encode(), str(size).encode()))
        return 200, told, body

    async def _predict(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        served, headers, body = await self._read(scope, receive)
        question = records.read(body, new_id=self._front.new_id)
        question.headers = headers
        answer = await served.ask(question)
        return 200, _stamped(answer), records.write(answer, served.main.signature)

    async def _score(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        served, headers, body = await self._read(scope, receive)
        media = headers.get("content-type", "")
        question = scoring.read(body, media, served.main.signature, new_id=self._front.new_id)
        question.headers = headers
        answer = await served.ask(question)
        return 200, _stamped(answer), scoring.write(answer)

    async def _read(self, scope: Scope, receive: Receive) -> tuple[Served, dict[str, str], bytes]:
        """Read a request, and say who answers it: whoever does once it is here, which took as long as the client liked."""
        before = self._served()
        headers = _headers(scope, before.headers)
        body = await _body(receive, headers, before.limits.body)
        served = self._served()
        return served, headers if served is before else _headers(scope, served.headers), body

    def _get(self, path: str, scope: Scope) -> tuple[int, Headers, bytes]:
        match path:
            case "/":
                return _json(self._about())
            case "/metrics":
                accept = _headers(scope, frozenset(("accept",))).get("accept", "")
                body, media = self._front.metrics(accept)
                return 200, [(b"content-type", media.encode())], body
            case "/v2":
                from importlib.metadata import version

                return _json({"name": "loopline", "version": version("loopline"), "extensions": list(EXTENSIONS)})
            case "/version":
                from importlib.metadata import version

                return 200, [(b"content-type", b"text/plain; charset=utf-8")], version("loopline").encode()
            case "/ping" | "/health" | "/v2/health/live":
                return _json({"live": True})
            case "/health/ready" | "/v2/health/ready":
                served = self._front.served()
                ready = served is not None and served.ready
                return _json({"ready": ready}, 200 if ready else 503)
            case "/v2/models":
                return _json({"models": [self._front.name]})
            case "/v2/models/stats":
                return _json({"model_stats": list(self._front.statistics())})
        if path in ("/predict", INVOCATIONS) or path.endswith("/infer"):
            raise Invalid(f"{path} is asked by POST", kind="method-not-allowed", hint="see GET / for an example")
        if path.startswith("/v2/models/"):
            return self._about_model(path)
        raise _unknown(path)

    def _about_model(self, path: str) -> tuple[int, Headers, bytes]:
        served = self._served()
        for word in ("ready", "config", "stats"):
            if path.endswith(f"/{word}"):
                path = path.removesuffix(f"/{word}")
                break
        else:
            word = ""
        self._model(path, served)
        name = self._front.name
        match word:
            case "ready":
                return _json({"name": name, "ready": served.ready}, 200 if served.ready else 503)
            case "stats":
                return _json({"model_stats": list(self._front.statistics())})
            case "config":
                return _json(config(name, served))
        return _json(wire.metadata(name, served.versions(), served.main.signature))

    def _posted(self, path: str) -> tuple[int, Headers, bytes]:
        if path == "/v2/repository/index":
            served = self._front.served()
            state = "READY" if served is not None and served.ready else "LOADING"
            versions = served.versions() if served is not None else [""]
            return _json([{"name": self._front.name, "version": one, "state": state, "reason": ""} for one in versions])
        if path.startswith((
            "/v2/repository/",
            "/v2/trace",
            "/v2/logging",
            "/v2/systemsharedmemory",
            "/v2/cudasharedmemory",
        )):
            raise Invalid(
                "models are not loaded and unloaded here: a ref moves by a change", kind="unsupported",
                hint="loopline deploy service/NAME@REF",
            )  # fmt: skip
        raise _unknown(path)

    def _model(self, path: str, served: Served) -> tuple[str, str]:
        """Read the name and the version of `/v2/models/NAME[/versions/NUMBER]`. Raise NotFound for others than are served."""
        parts = path.split("/")
        name = unquote(parts[3]) if len(parts) in (4, 6) and parts[1:3] == ["v2", "models"] else ""
        if name != self._front.name or (len(parts) == 6 and parts[4] != "versions"):
            raise NotFound(
                f"no model is called {name or path!r} here", kind="no-model", hint=f"ask for {self._front.name}",
            )  # fmt: skip
        version = parts[5] if len(parts) == 6 else ""
        if version and version not in served.versions():
            raise NotFound(
                f"version {version} is not served here",
                kind="no-version",
                hint=f"served are {', '.join(served.versions())}",
            )
        return name, version

    def _about(self) -> Mapping[str, Any]:
        served = self._served()
        signature = served.main.signature
        record = {column.name: _example(column) for column in signature.inputs}
        model = wire.metadata(self._front.name, served.versions(), signature)
        return {
            **served.stamp(), "ready": served.ready, "model": model, "example": {"POST /predict": {"records": [record]}}
        }  # fmt: skip


class Gone(Exception):  # noqa: N818 (says what the client is)
    """The client went away before its request was complete."""


def config(name: str, served: Served) -> Mapping[str, Any]:
    """Describe a model as Triton's model configuration extension does."""

    def tensor(column: Any) -> Mapping[str, Any]:
        kind = column.type or "BYTES"
        dims = list(column.shape[1:]) or [1]
        return {"name": column.name, "data_type": "TYPE_STRING" if kind == "BYTES" else f"TYPE_{kind}", "dims": dims}

    signature = served.main.signature
    return {
        "name": name, "platform": "loopline", "backend": "loopline", "max_batch_size": served.limits.rows,
        "input": [tensor(column) for column in signature.inputs], "output": [tensor(column) for column in signature.outputs],
    }  # fmt: skip


def _example(column: Any) -> Any:
    if column.type == "BYTES":
        return column.values[0] if column.values else "text"
    middle = (column.low + column.high) / 2 if column.low is not None and column.high is not None else 0.0
    if column.type == "BOOL":
        return True
    return round(middle) if column.type.startswith(("INT", "UINT")) else round(middle, 3)


def _headers(scope: Scope, wanted: frozenset[str]) -> dict[str, str]:
    """Give the headers of a request that somebody looks at."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        if key in wanted or key in _OURS:
            found[key] = value.decode("latin-1")
    return found


_OURS: Final = frozenset((wire.LENGTH, "content-encoding", "content-length", "content-type", "accept"))


async def _body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Read a body, unpacked where it is packed. Raise Invalid kind="body-too-large"."""
    if headers.get("content-length", "0").isdecimal() and int(headers.get("content-length", "0")[:20]) > limit:
        raise _large(limit)
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        pieces, size = [body], len(body)
        while message.get("more_body", False):
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise _large(limit)
        body = b"".join(pieces)
    packed = headers.get("content-encoding", "")
    return _unpacked(body, packed.lower(), limit) if packed and packed != "identity" else body


def _unpacked(body: bytes, packed: str, limit: int) -> bytes:
    if packed not in ("gzip", "deflate"):
        raise Invalid(
            f"the body is packed as {packed}", kind="wrong-content-type", hint="use gzip, deflate, or nothing"
        )
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise Invalid(f"the body is no {packed}: {error}", kind="bad-request", hint="pack it again") from None
    if len(found) > limit:
        raise _large(limit)
    if not unpacker.eof:
        raise Invalid(f"the {packed} body is cut", kind="bad-request", hint="send all of it")
    return found


def _large(limit: int) -> Invalid:
    return Invalid(
        f"the body has more than {limit} bytes", kind="body-too-large", hint="send fewer rows at once", limit=limit
    )


def _stamped(answer: Answer) -> Headers:
    return [JSON, *((f"loopline-{key}".encode(), value.encode()) for key, value in answer.stamp.items() if value)]


def _json(value: Any, status: int = 200) -> tuple[int, Headers, bytes]:
    return status, [JSON], _encode(value)


def _said(error: LooplineError, path: str) -> tuple[int, Headers, bytes]:
    headers: Headers = [JSON]
    wait = errors.retry_after(error)
    if wait:
        headers.append((b"retry-after", wait.encode()))
    body = scoring.told(error) if path == INVOCATIONS else errors.body(error)
    return errors.status(error), headers, _encode(body)


def _unknown(path: str) -> NotFound:
    return NotFound(f"nothing is at {path!r}", kind="no-route", hint="see GET /")
