"""lasting: what happens to a long request of somebody who is let in no longer.

A stream, a download and an upload are looked at again while they last. Nothing more goes out to whoever was shut out
meanwhile, and nothing more is taken from them: the face sees a client that has gone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final

from loopline.errors import Unavailable

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send

EVERY_S: Final = 2.0
"""How long a request goes on before it is asked again whether its caller is still let in."""
UNSURE_S: Final = 30.0
"""How long a request goes on while the ledger cannot say."""


class ShutOut(OSError):  # noqa: N818 (it is a connection's end, as faces know it)
    """Raised into a face that sends to somebody who is let in no longer, as if the connection were gone."""


class Lasting:
    """The two ends of one request, as long as `still` says that its caller is let in."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        still: Callable[[], Awaitable[bool]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive = receive
        self._send = send
        self._still = still
        self._clock = clock
        self._looked = self._sure = clock()
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self.over = False
        """Whether the caller was shut out."""
        self.started = False
        """Whether an answer has begun."""

    async def receive(self) -> Message:
        """Give the next message of the client; its disconnect, once it is shut out."""
        message = await self._receive()
        if message["type"] == "http.request" and message.get("more_body", False):
            await self._look()
        return {"type": "http.disconnect"} if self.over else message

    async def send(self, message: Message) -> None:
        """Send a message. Raise ShutOut, an OSError, where the caller is let in no longer."""
        if message["type"] == "http.response.start":
            self.started = True
            self._headers = message.get("headers", ())
        else:
            await self._look()
        if self.over:
            raise ShutOut
        await self._send(message)

    async def end(self) -> None:
        """End an answer that has begun, as far as that is possible: one of a promised length stays cut."""
        if not any(name.lower() == b"content-length" for name, _ in self._headers):
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _look(self) -> None:
        now = self._clock()
        if self.over or now - self._looked < EVERY_S:
            return
        self._looked = now
        try:
            self.over = not await self._still()
        except Unavailable:
            self.over = now - self._sure > UNSURE_S
        else:
            self._sure = now
