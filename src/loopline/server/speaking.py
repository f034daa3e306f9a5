"""speaking: the gRPC port of a front: open where the version that answers asks for it, and tried again while it is taken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError
from loopline.server.asgi import END_S

if TYPE_CHECKING:
    from loopline.faces.inference.app import Front
    from loopline.faces.otlp.tracing import Tracing

AGAIN_S: Final = 2.0
"""Between two tries to listen where somebody else does."""


class Speaking:
    """What is spoken besides HTTP."""

    def __init__(self, front: Front, told: Callable[[], None]) -> None:
        self.address = ""
        """Where it is spoken now."""
        self.trouble = ""
        """Why it is not spoken where it should be."""
        self.tracing: Tracing | None = None
        self._front, self._told = front, told
        self._wanted = self._here = ("", 0)
        self._changed = asyncio.Event()
        self._server: Any = None

    def want(self, address: str, *, most: int) -> None:
        """Speak at `HOST:PORT` with whoever sends at most so many bytes; empty: nowhere."""
        wanted = (address, most if address else 0)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Follow what is wanted."""
        while True:
            self._changed.clear()
            if self._here != self._wanted:
                await self._move(*self._wanted)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), AGAIN_S if self._here != self._wanted else None)

    async def _move(self, address: str, most: int) -> None:
        await self.end()
        self.trouble = ""
        if not address:
            self._here = ("", 0)
        else:
            await self._listen(address, most)
        self._told()

    async def _listen(self, address: str, most: int) -> None:
        """Begin. Where that cannot be, the front says why and goes on without."""
        try:
            from loopline.faces.inference.grpc import serve
        except ImportError:
            self.trouble = "gRPC is asked for and not installed: pip install 'loopline[grpc]' where the host runs"
            self._here = (address, most)  # this process will not find it any more
            return
        try:
            trace = self.tracing.call if self.tracing is not None else None
            self._server = await serve(self._front, address, most=most, trace=trace)
        except LooplineError as error:
            self.trouble = error.message
            return
        self.address, self._here = address, (address, most)

    async def end(self) -> None:
        """Answer what was asked, and listen no more."""
        server, self._server = self._server, None
        self._here = ("", 0)
        if server is not None:
            await server.stop(END_S)
        self.address = ""
