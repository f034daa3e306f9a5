"""receiving: bodies of files on their way into the store. While one piece is written and hashed, the next one comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.desk import Desk, act
from loopline.faces.mlflow.errors import invalid
from loopline.faces.native.bodies import PIECE
from loopline.nouns.artifact import Artifact

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.store.blobs import Writer

_LENGTH: Final = re.compile(r"[0-9]{1,18}\Z")
_NONE: Final[list[bytes]] = []


async def received(request: Request, loop: Loop) -> Artifact:
    """Make a body a blob. Nothing is kept of one that ends early, or is too large: Fault 400 says the limit."""
    desk: Desk = request.app.state.desk
    limit, said = desk.upload_limit, request.headers.get("content-length")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise invalid("Send a file as it is, without a Content-Encoding.")
    if said is not None and not _LENGTH.match(said):
        raise invalid("The length of the body is no number.")
    if said is not None and int(said) > limit:
        raise _too_large(limit)
    pieces = _pieces(request, limit)
    first = await anext(pieces, _NONE)
    second = await anext(pieces, _NONE)
    if not second:
        body = b"".join(first)
        return Artifact(await act(request, loop.blobs.put, body), size=len(body))
    writer = loop.blobs.writer()
    error: BaseException | None = None
    working: asyncio.Future[Any] = asyncio.ensure_future(act(request, writer.__enter__))
    try:
        await asyncio.shield(working)
        working = asyncio.ensure_future(act(request, _written, writer, first + second))
        async for piece in pieces:
            await asyncio.shield(working)
            working = asyncio.ensure_future(act(request, _written, writer, piece))
        await asyncio.shield(working)
        digest, size = await act(request, writer.commit)
    except BaseException as caught:
        error = caught
        raise
    finally:
        await asyncio.shield(_let_go(request, writer, working, error))
    return Artifact(digest, size=size)


def _written(writer: Writer, chunks: list[bytes]) -> None:
    for chunk in chunks:
        writer.write(chunk)


async def _let_go(request: Request, writer: Writer, working: asyncio.Future[Any], error: BaseException | None) -> None:
    """Discard what was not committed, once no thread works on it any more: also where the request was cut off."""
    await asyncio.wait([working])
    if not working.cancelled():
        working.exception()
    await act(request, writer.__exit__, type(error) if error else None, error, None)


async def _pieces(request: Request, limit: int) -> AsyncIterator[list[bytes]]:
    """Give a body in pieces of about 1 MiB, each as it came from the socket: joining them would copy every byte once more.

    Raise Fault 400 for more bytes than somebody may send.
    """
    parts: list[bytes] = []
    waiting = total = 0
    async for chunk in request.stream():
        if not chunk:
            continue
        parts.append(chunk)
        waiting, total = waiting + len(chunk), total + len(chunk)
        if total > limit:
            raise _too_large(limit)
        if waiting >= PIECE:
            yield parts
            parts, waiting = [], 0
    if waiting:
        yield parts


def _too_large(limit: int) -> Exception:
    return invalid(f"A file has at most {limit} bytes here: an admin can change that.")
