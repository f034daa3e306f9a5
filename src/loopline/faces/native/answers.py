"""answers: how an address answers: a function for each method, JSON, and a problem for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from loopline.faces.admit import caller_of
from loopline.faces.problem import expected, no_page, refuse_method, reply

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

Answering = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """An address as an ASGI app."""

    def __init__(self, **methods: Answering) -> None:
        self.methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Who is not known gets nothing, whatever was asked."""
        request = Request(scope, receive, send)
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            caller_of(request)
            answering = self.methods.get(request.method)
            if answering is None:
                raise refuse_method(request.method, self.methods)
            response = await answering(request)
            await response(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as error:
            problem = reply(expected(error, about=f"{request.method} {scope['path']!r}"))
            if begun:  # the answer is on its way: it breaks off, and so the client knows
                raise
            await problem(scope, receive, send)


async def nothing(request: Request) -> Response:
    """Answer for an address where nothing is, or where something is that knows other methods."""
    known: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is Match.PARTIAL:
            known |= route.methods or set()
    if known:
        raise refuse_method(request.method, sorted(known))
    raise no_page(request.url.path)


def json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Give an answer that nobody stores and no browser guesses about."""
    fields = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers=fields | (headers or {}), media_type="application/json")
