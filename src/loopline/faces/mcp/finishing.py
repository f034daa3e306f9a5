"""finishing: a client that has said its last word still gets every answer; only then its session ends.

The SDK takes the end of what comes for the end of the session, and gives up whatever is under way at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio

if TYPE_CHECKING:
    from mcp.shared.message import SessionMessage

CANCELLED = "notifications/cancelled"


class Coming:
    """What comes, the end of which is held back until every request of it is answered. An async iterator, as the SDK reads it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._asked: set[int | str] = set()
        self._changed = anyio.Event()

    @property
    def last_context(self) -> Any:
        """The context variables of whoever sent what came last."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Give the next message, or what was none. Raise anyio.EndOfStream where all is said and answered."""
        try:
            item: SessionMessage | Exception = await self._inner.receive()
        except anyio.EndOfStream:
            while self._asked:
                await self._changed.wait()
            raise
        message = getattr(item, "message", None)
        method, number = getattr(message, "method", None), getattr(message, "id", None)
        if method is not None and number is not None:
            self._asked.add(number)
        elif method == CANCELLED:  # what is given up gets no answer
            self.answered((getattr(message, "params", None) or {}).get("requestId"))
        return item

    def answered(self, number: int | str | None) -> None:
        """Say that a request has had its answer, or gets none."""
        if number in self._asked:
            self._asked.discard(number)
            self._changed.set()
            self._changed = anyio.Event()

    async def aclose(self) -> None:
        """Read no more."""
        await self._inner.aclose()

    def __aiter__(self) -> Coming:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Going:
    """What goes, which tells `coming` what was answered once it is on its way."""

    def __init__(self, inner: Any, coming: Coming) -> None:
        self._inner, self._coming = inner, coming

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        await self._inner.send(item)
        if getattr(item.message, "method", None) is None:
            self._coming.answered(getattr(item.message, "id", None))

    async def aclose(self) -> None:
        """Send no more."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
