"""connection: one client's connection, which may be slow only for so long.

uvicorn waits for ever for the rest of a request that has begun, and for a reader that does not read. Here a request's head
has seconds, its body must keep coming, and an answer must be taken. All connections are looked at once a second, which costs a
request nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S: Final = 10.0
"""Time for the head of a request, from the connection or its first byte on."""
BODY_S: Final = 20.0
"""The longest pause inside of a body that somebody here waits for."""
SLOWEST: Final = 512
"""Bytes a second that a body must bring on average, once it has taken BODY_S."""
ANSWER_S: Final = 60.0
"""How long an answer may wait for its reader."""
WORTH: Final = 64 << 10
"""Bytes of a piece beyond which copying it costs more than a call of the system."""
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)
_BODY: Final = (
    b'{"title":"Unavailable","status":503,"detail":"the server has too many connections","kind":"server-busy",'
    b'"hint":"wait a moment, then try again","facts":{}}'
)
LARGEST_HEAD: Final = 64 << 10
"""Bytes of a request's head."""
_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Joining:
    """A transport that holds a piece back until the next one, or the end of this turn of the loop, and sends both at once.

    uvicorn writes the head of an answer and then its body: that would be two calls of the system and two packets.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send, with what is held, or hold."""
        if self._held:
            held, self._held = self._held, b""
            if len(data) > WORTH:
                self._transport.write(held)
                held = b""
            self._transport.write(held + data if held else data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Let go of everything."""
        self._held = b""
        self._transport.abort()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Connection(HttpToolsProtocol):
    """A connection that knows since when it waits for its client."""

    most = 10_000
    """Connections of one process; who comes then is asked to come back."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._began = 0.0
        """When the request that is being read began; 0 between requests."""
        self._headed = False
        self._came = 0.0
        self._size = 0
        self._stuck = 0.0
        """Since when the client has not taken what was written; 0 while it does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.transport = Joining(transport, self.loop)  # type: ignore[assignment]
        self._began = self._came = self.loop.time()
        if len(self.connections) > self.most:
            transport.write(_FULL % (len(_BODY), _BODY))
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Note that the client is alive."""
        if self.transport.is_closing():
            return
        self._came = self.loop.time()
        self._size += len(data)
        super().data_received(data)
        if self._began and not self._headed and self._size > LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        if self._headed or not self._began:
            self._began, self._headed, self._size = self.loop.time(), False, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have a request's head."""
        self._headed, self._size = True, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Have all of a request."""
        self._began, self._headed = 0.0, False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Notice that the client does not read."""
        self._stuck = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Notice that it does."""
        self._stuck = 0.0
        super().resume_writing()

    def look(self, now: float) -> None:
        """End the connection where its client is too slow."""
        if self.transport.is_closing():
            if self._stuck and now - self._stuck > ANSWER_S:
                self.transport.abort()
            return
        if self._stuck:
            if now - self._stuck > ANSWER_S:
                self.transport.abort()
        elif self._began and not self._headed:
            if now - self._began > HEAD_S:
                self.transport.write(_LATE)
                self.transport.close()
        elif self._began and not self.flow.read_paused:
            took = now - self._began
            if now - self._came > BODY_S or (took > BODY_S and self._size < SLOWEST * took):
                self.transport.abort()


def raise_limit() -> None:
    """Take as many open files as this process may have, and as many connections as these allow."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    Connection.most = max(64, min(10_000, most - 512))
