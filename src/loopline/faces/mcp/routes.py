"""routes: POST /mcp, the streamable HTTP transport of the Model Context Protocol, without sessions.

Who asks was found out before, as for every face, and is an assistant here or nobody: a person's token or session is refused, so
that what an assistant does is never recorded as a person's. On a server that asks nobody for a token, whoever asks is taken for
their assistant.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from loopline.errors import Refused, Unavailable
from loopline.faces.admit import caller_of
from loopline.faces.desk import act
from loopline.faces.mcp.requests import Requested
from loopline.faces.mcp.speaking import installed, make_server
from loopline.faces.mcp.translate import Outcome, answered
from loopline.faces.native.answers import Endpoint
from loopline.faces.native.wire import only, project_of, query_of
from loopline.nouns.actor import assistant_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

PATH: Final = "/mcp"
LARGEST: Final = 1 << 20
"""Bytes of a request."""
CALLER: Final = "loopline.caller"


def routes() -> list[BaseRoute]:
    """Give the route. A server has no stream to be listened to (GET) and no session to be ended (DELETE)."""
    return [Route(PATH, Endpoint(POST=_spoken))]


async def _spoken(request: Request) -> Response:
    """Let an assistant in, and hand its message to the SDK."""
    caller = caller_of(request)
    _from_here(request)
    if not caller.open and caller.actor.kind != "assistant":
        raise Refused(
            f"{caller.actor} is no assistant, and what assistants do is recorded as theirs", kind="not-an-assistant",
            hint="give it a token of its own: loopline issue NAME --actor assistant:NAME", actor=str(caller.actor),
        )  # fmt: skip
    request.scope[CALLER] = replace(caller, actor=assistant_of(caller.actor))
    pairs = query_of(request)
    only(pairs, "project")
    project_of(request, pairs)
    if not installed():
        raise Unavailable(
            "this server has no tools for assistants", kind="not-installed", hint="pip install 'loopline[mcp]' where it runs",
            extra="mcp",
        )  # fmt: skip
    return _Handed(await _manager(request))


def _from_here(request: Request) -> None:
    """Refuse what a browser sends from a page of another site, also with a token: the protocol asks for it."""
    origin = request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Refused(
            "another site sent this", kind="cross-site", hint="ask from a program, not from a page", origin=origin[:200]
        )


class _Handed(Response):
    """An answer that the SDK gives."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        super().__init__()
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)


async def _manager(request: Request) -> StreamableHTTPSessionManager:
    """Give the SDK's side of this server, begun with the first message that comes: importing it takes a second."""
    state = request.app.state
    here = asyncio.get_running_loop()
    begun: tuple[Any, asyncio.Future[Any]] | None = getattr(state, "mcp", None)
    if begun is None or begun[0] is not here:
        begun = state.mcp = (here, asyncio.ensure_future(_begin(request, state)))
    return await asyncio.shield(begun[1])


async def _begin(request: Request, state: Any) -> StreamableHTTPSessionManager:
    manager = await act(request, _made)
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def keep() -> None:
        """Hold the tasks of all requests together, until the process's event loop ends."""
        with suppress(asyncio.CancelledError):
            async with manager.run():
                ready.set_result(None)
                await asyncio.Event().wait()

    state.mcp_kept = asyncio.ensure_future(keep())
    await ready
    return manager


def _made() -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    return StreamableHTTPSessionManager(
        make_server(_answering), json_response=True, stateless=True, max_request_body_size=LARGEST
    )


async def _answering(request: Any, name: str, arguments: Mapping[str, Any]) -> Outcome:
    """Carry out a call for whoever has sent the request."""
    ask = Requested(request, project_of(request, query_of(request)))
    return await act(request, answered, ask, name, arguments)
