"""logout: make a server forget this machine."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import LooplineError, NotFound


def logout(
    where: Place,
    url: Annotated[str | None, "the server's address; left out: LOOPLINE_URL"] = None,
    *,
    keep: Annotated[bool, "leave the token alive on the server: it is used elsewhere, too"] = False,
) -> None:
    """Forget the token that a login kept for a server, and end it there.

    Example:
        loopline logout http://localhost:4040
    """
    from loopline.sdk.credentials import find, forget
    from loopline.sdk.remote import Remote

    address = where.server(url, "logout")
    gone = find(address) if where.options.dry else forget(address)
    if gone is None:
        raise NotFound(
            f"no token is kept for {address}", kind="not-logged-in", hint=f"loopline login {address}", url=address
        )
    if where.options.dry:
        rest = "it would live on there" if keep else "and end it there"
        where.screen.say(f"would forget the token of {address}, {rest}")
        return
    if keep:
        where.screen.say(f"forgot the token of {address}; it still lives there")
        return
    client = Remote(address, gone.token, where.settings.project, work=where.settings.home / "cache")
    try:
        known = client.do("whoami")
        home = next((one for one in (where.settings.project, *known.roles) if one != "*" and known.roles.get(one)), "")
        client.within(home or where.settings.project, "").do("revoke", known.token)
    except LooplineError as error:
        where.screen.say(f"forgot the token of {address}")
        where.screen.say(f"{where.screen.paint_err('wait', 'warning:')} it may still live there: {error.message}")
    else:
        where.screen.say(f"{where.screen.mark('good', 'logged out')} of {address}; its token is dead")
    finally:
        client.close()
