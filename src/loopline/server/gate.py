"""gate: what every request passes first: health, limits, the end of streams when the server stops, and the access log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from loopline.errors import Invalid, LooplineError, Unavailable
from loopline.faces.client import client_of
from loopline.faces.problem import expected, refuse_method, reply
from loopline.faces.prometheus.tally import Tally, alone, route_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from loopline.faces.desk import Desk

MOST: Final = 1_000
"""Requests under way at a time in one process, those whose bytes are still on their way included."""
MOST_STREAMS: Final = 4_000
"""Streams of events open at a time in one process."""
LARGEST_PAGE: Final = 8 << 20
"""Bytes of a body that goes to a page. What goes to the API is limited there."""
UNLIMITED: Final = ("/api/", "/s3/", "/lakefs/", "/v1/traces")
"""What limits its bodies itself: these may be long, and of unknown length."""
RECONNECT_MS: Final = 1_000
_READY_S: Final = 5.0
_FRESH_S: Final = 1.0
_STREAM: Final = b"text/event-stream"


class Stopping:
    """Tells what waits inside of a process's event loop that it is about to end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def now(self) -> bool:
        """Whether the end has begun."""
        return self._event.is_set()

    def begin(self) -> None:
        """Say so. Called in the event loop."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until somebody says so."""
        await self._event.wait()


class Gate:
    """The outermost layer. What is refused here costs nothing further inside."""

    def __init__(
        self, app: ASGIApp, *, desk: Desk, stopping: Stopping, tally: Tally | None = None, access_log: bool = False
    ) -> None:
        self._app = app
        self._tally = tally or alone()
        self._health = Health(desk)
        self._stopping = stopping
        self._access_log = access_log
        self._requests = 0
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        if self._access_log:
            send = _logged(scope, send)
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._let_in(scope, receive, sending)
        except Exception:
            status = status or 500  # what the layer outside of this one will say
            raise
        finally:
            self._tally.count(route_of(scope["path"]), status, time.perf_counter() - began)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/health"):
            answer = await self._health.answer(scope["method"], path)
            if answer is not None:
                await answer(scope, receive, send)
                return
        refusal = self._refusal(scope)
        if refusal is not None:
            await reply(refusal)(scope, receive, send)
            return
        if _wants_stream(scope):
            self._under_way(streams=1)
            try:
                await self._streamed(scope, receive, send)
            finally:
                self._under_way(streams=-1)
            return
        self._under_way(requests=1)
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way(requests=-1)

    def _under_way(self, requests: int = 0, streams: int = 0) -> None:
        self._requests, self._streams = self._requests + requests, self._streams + streams
        self._tally.under_way(self._requests, self._streams)

    def _refusal(self, scope: Scope) -> LooplineError | None:
        busy = self._streams >= MOST_STREAMS if _wants_stream(scope) else self._requests >= MOST
        if busy:
            return Unavailable(
                "the server has too much to do", kind="server-busy", hint="wait a moment, then try again"
            )
        if scope["path"].startswith(UNLIMITED):
            return None
        for name, value in scope["headers"]:
            if name == b"transfer-encoding":
                return Invalid(
                    "a page takes no body of unknown length", kind="length-required", hint="send Content-Length"
                )
            if name == b"content-length" and (not value.isdigit() or int(value[:20]) > LARGEST_PAGE):
                return Invalid(
                    f"the body has more than {LARGEST_PAGE} bytes", kind="body-too-large", hint="send less at once",
                    limit=LARGEST_PAGE,
                )  # fmt: skip
        return None

    async def _streamed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request that may become a stream of events, and end it in order when the server stops.

        A client that is told `retry` connects again by itself, to whoever answers then.
        """
        stream = _Stream(send)
        running = asyncio.ensure_future(self._app(scope, receive, stream.send))
        ending = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and not stream.open:
                await running  # no stream after all: a request like any other ends by itself
            if running.done():
                running.result()
                return
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await stream.close()
        finally:
            for one in (running, ending):
                one.cancel()


class _Stream:
    """The sending side of a request, which knows whether a stream of events is open."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.open = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.open = any(
                name.lower() == b"content-type" and value.startswith(_STREAM) for name, value in message["headers"]
            )
        elif not message.get("more_body", False):
            self.open = False
        await self._send(message)

    async def close(self) -> None:
        if self.open:
            body = f"\nretry: {RECONNECT_MS}\n: the server stops\n\n".encode()
            await self._send({"type": "http.response.body", "body": body, "more_body": False})


class Health:
    """Whether this process lives (`/health`: it answers) and whether it can work (`/health/ready`)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loopline-health")
        self._looking: asyncio.Future[LooplineError | None] | None = None
        self._looked = 0.0

    async def answer(self, method: str, path: str) -> Response | None:
        """Answer a question about health; None for any other address."""
        if path not in ("/health", "/health/ready"):
            return None
        if method not in ("GET", "HEAD"):
            return reply(refuse_method(method, ("GET", "HEAD")))
        problem = await self._ready() if path == "/health/ready" else None
        if problem is not None:
            return reply(problem)
        return PlainTextResponse("OK", headers={"Cache-Control": "no-store"})

    async def _ready(self) -> LooplineError | None:
        """Look at most once a second, however often somebody asks, and wait for a few seconds at most."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now - self._looked > _FRESH_S):
            self._looked = now
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._problem)
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), _READY_S)
        except TimeoutError:
            return Unavailable(
                "the database does not answer in time", kind="not-ready", hint="look at the database's load"
            )

    def _problem(self) -> LooplineError | None:
        from loopline.ledger.schema import NEWEST, found
        from loopline.nouns.digest import digest_of

        loop = self._desk.loop
        try:
            here = found(loop.ledger.database)
            with loop.blobs.writer() as writer:
                writer.write(b"a blob that is never kept")
            loop.blobs.size(digest_of(b""))
        except Exception as error:  # noqa: BLE001 (whatever it is, this process cannot work)
            return expected(error, about="the look at the own health")
        if here != NEWEST:
            return Unavailable(
                "the ledger's tables are not those of this code",
                kind="not-ready",
                hint="loopline migrate",
                found=here,
                known=NEWEST,
            )
        return None


def _wants_stream(scope: Scope) -> bool:
    return bool(scope["path"].endswith("/events"))


def _logged(scope: Scope, send: Send) -> Send:
    """Write one line of JSON for each answer. It holds no query, no header and no body: those may hold secrets."""
    began = time.monotonic()
    status = 0

    async def sending(message: Message) -> None:
        nonlocal status
        await send(message)
        if message["type"] == "http.response.start":
            status = message["status"]
        elif not message.get("more_body", False):
            sys.stderr.write(_line(scope, status, time.monotonic() - began))
            sys.stderr.flush()

    return sending


def _line(scope: Scope, status: int, took: float) -> str:
    caller: Any = scope.get("loopline.caller")
    said = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "method": scope["method"],
        "path": Request(scope).url.path,
        "status": status,
        "ms": round(took * 1000, 1),
        "client": client_of(scope) or None,
        "actor": str(caller.actor) if caller else None,
    }
    return json.dumps(said, ensure_ascii=True) + "\n"
