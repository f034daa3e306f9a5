"""stream: events over HTTP that stays open (WHATWG HTML, §9.2, server-sent events)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from loopline.faces.problem import encoded

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

BEAT_S: Final = 15.0
"""Seconds after which a line is sent that says nothing, so that nobody on the way takes the stream for dead."""
BEAT: Final = b": beat\n\n"
HELLO: Final = b"retry: 1000\n: hello\n\n"
STUCK_S: Final = 30.0
"""Seconds for which a reader may leave a message unread. Then it is dropped; it comes back where it was by its Last-Event-ID."""


def message(event: str, data: Any, *, id: int | None = None) -> bytes:  # noqa: A002 (the protocol's word)
    """Write one message. JSON holds no line break, so its data is one line."""
    name = b"id: %d\n" % id if id is not None else b""
    return b"%sevent: %s\ndata: %s\n\n" % (name, event.replace("\n", " ").replace("\r", " ").encode(), encoded(data))


class Stream(Response):
    """An answer that goes on while its messages come, until they end, the reader goes, or does not read."""

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncIterator[bytes]) -> None:
        super().__init__(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
        )
        del self.headers["content-length"]
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (as ASGI calls it)
        """Send until the end."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for one in (sending, gone):
                one.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await sending

    async def _send(self, send: Send) -> None:
        async with aclosing(self._messages) as messages:  # type: ignore[type-var]
            async for chunk in messages:
                try:
                    async with asyncio.timeout(STUCK_S):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
