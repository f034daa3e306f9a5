"""gateway: everything below one address, answered in another service's protocol by one function.

A gateway is a route like any other, and is told in the list of routes. Requests come to it by a shorter way (`Gateways`): clients
of these protocols send thousands, and what routing adds to each is not needed by who answers every method and every path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Match, NoMatchFound

from loopline.faces.prefixes import Prefixes

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_POLICY: Final = (b"content-security-policy", b"default-src 'none'; sandbox")


class Gateway(BaseRoute):
    """Takes a path as it came, for what routes are taken apart by may stand in names."""

    def __init__(
        self,
        prefix: str,
        answer: Callable[[Request], Awaitable[Response]],
        refuse: Callable[[Request, Exception], Response],
    ) -> None:
        self.path = prefix
        """What spans and logs call it."""
        self._answer, self._refuse = answer, refuse

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether an address lies below it."""
        mine = scope["type"] == "http" and (scope["path"] == self.path or scope["path"].startswith(f"{self.path}/"))
        return (Match.FULL if mine else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: str) -> NoMatchFound:  # type: ignore[override]
        """Know no names."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what goes wrong is told in the words of the protocol. No page may come of it."""
        request = Request(scope, receive, send)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 (a fault for the client, the rest for the log)
            answer = self._refuse(request, error)
        answer.raw_headers[:] = [*(one for one in answer.raw_headers if one[0] != _POLICY[0]), _POLICY]
        await answer(scope, receive, send)


class Gateways:
    """The layer in front of the routes."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._gateways = Prefixes({one.path: one for one in routes if isinstance(one, Gateway)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the gateway that its address lies below, any other to the routes."""
        found = self._gateways.find(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = found  # as a router says it: spans are called by it
            await found.handle(scope, receive, send)
