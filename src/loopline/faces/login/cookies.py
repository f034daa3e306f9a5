"""cookies: what a browser keeps for us, and how it must keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.access.secrets import hash_of
from loopline.faces.desk import Desk, act
from loopline.nouns.loopback import is_here

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SESSION: Final = "loopline_session"
"""Name of the cookie. Its value is random; the ledger knows its hash."""
LOGIN: Final = "loopline_login"
"""What a login at a provider must bring back, for as long as it takes."""
LOGIN_S: Final = 600


async def sign_in(request: Request, response: Response, actor: str, *, token: str | None = None) -> None:
    """Begin a session and give the browser its cookie."""
    desk: Desk = request.app.state.desk
    secret = desk.loop.ids.chance(32).hex()

    def begin() -> None:
        with desk.loop.ledger.telemetry() as tx:
            tx.sessions.begin(hash_of(secret), actor, csrf=desk.loop.ids.chance(16).hex(), token=token)

    await act(request, begin)
    keep(request, response, SESSION, secret)


async def sign_out(request: Request, response: Response) -> None:
    """End the session, here and in the browser."""
    desk: Desk = request.app.state.desk
    secret = request.cookies.get(SESSION, "")

    def end() -> None:
        with desk.loop.ledger.telemetry() as tx:
            tx.sessions.end(hash_of(secret))

    if secret:
        await act(request, end)
    response.delete_cookie(SESSION, httponly=True, samesite="lax", secure=is_secure(request))


def keep(request: Request, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Give the browser a cookie that no script reads and no other site sends along with a form."""
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_secure(request), path="/"
    )


def is_secure(request: Request) -> bool:
    """Tell whether a cookie may travel over https alone: always, but for plain http on this machine."""
    return address_of(request).startswith("https://") or not is_here(request.url.hostname or "")


def address_of(request: Request) -> str:
    """Give the address by which browsers reach this server."""
    settings = getattr(request.app.state, "settings", None)
    told = settings.address if settings else ""
    return told or f"{request.url.scheme}://{request.headers.get('host', '')}"


def inside(where: str) -> str:
    """Give an address of this server to lead to; the start for anything that would lead elsewhere."""
    safe = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable() and "\\" not in where
    return where if safe and len(where) < 2000 else "/"
