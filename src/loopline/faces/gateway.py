"""gateway: everything below one address, answered in another service's protocol by one function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Match, NoMatchFound

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send


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
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        await answer(scope, receive, send)
