"""bodies: bytes moved piece by piece between a socket and the disk, on threads, so that nobody else waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from loopline.faces.desk import act

if TYPE_CHECKING:
    from starlette.requests import Request

PIECE: Final = 1 << 20
"""Bytes that go to a thread at a time: a hop for every chunk of a socket would cost more than writing it."""


async def poured(request: Request, into: Callable[[bytes], object]) -> int:
    """Give a body to `into`, on a thread, in pieces of about 1 MiB, and say how many bytes it had.

    Nothing more is read while `into` works: that is the limit of what a fast sender can make us hold.
    """
    parts: list[bytes] = []
    waiting = total = 0
    try:
        async for chunk in request.stream():
            parts.append(chunk)
            waiting += len(chunk)
            if waiting >= PIECE:
                piece = b"".join(parts)
                total, waiting, parts = total + waiting, 0, []
                await act(request, into, piece)
    except ClientDisconnect:  # what has come is not lost with the connection
        if parts:
            await act(request, into, b"".join(parts))
        raise
    if waiting:
        await act(request, into, b"".join(parts))
    return total + waiting


async def streamed(
    request: Request, chunks: Iterator[bytes], *, status: int, headers: dict[str, str]
) -> StreamingResponse:
    """Answer with chunks that are read on threads: while one is sent, the next one is read, and no more than that.

    What goes wrong before the first one is an error of its own.
    """
    first = await act(request, next, chunks, b"")

    async def body() -> AsyncIterator[bytes]:
        chunk = first
        while chunk:
            ahead = asyncio.ensure_future(act(request, next, chunks, b""))
            try:
                yield chunk
            except BaseException:  # nobody reads on: the thread that is at it ends by itself
                ahead.add_done_callback(_heard)
                raise
            chunk = await ahead

    return StreamingResponse(body(), status, headers=headers)


def _heard(ahead: asyncio.Future[bytes]) -> None:
    """Take note of how a read ended that nobody waits for."""
    if not ahead.cancelled():
        ahead.exception()
