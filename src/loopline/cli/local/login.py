"""login: make this machine known to a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid, Refused
from loopline.nouns.identity import Identity

if TYPE_CHECKING:
    from loopline.sdk.wire import Wire


def login(
    where: Place,
    url: Annotated[str | None, "the server's address; left out: LOOPLINE_URL"] = None,
    *,
    token: Annotated[bool, "read a token from standard input, in place of a login in a browser"] = False,
) -> Identity:
    """Log in to a server and keep its token, for this user alone, in credentials.json beside config.toml.

    A code is shown here and confirmed in a browser, on any machine. LOOPLINE_TOKEN wins over what is kept.

    Example:
        loopline login http://localhost:4040
    """
    from loopline.sdk.credentials import Credential, save
    from loopline.sdk.wire import Wire

    if where.options.dry:
        raise Invalid("a login cannot be rehearsed", kind="no-dry-run", hint="loopline whoami tells who you are")
    address = _address(where, url)
    wire = Wire(address)
    try:
        if _who(where, address, "") is not None:
            raise Refused(
                f"{address} asks nobody for a token", kind="login-not-needed", hint=f"LOOPLINE_URL={address} is enough",
                url=address,
            )  # fmt: skip
        text = _typed() if token else _confirmed(where, wire)
        identity = _who(where, address, text)
    finally:
        wire.close()
    if identity is None:
        raise Refused(
            f"{address} does not know this token", kind="not-signed-in", hint="look whether it was copied whole"
        )
    path = save(address, Credential(text, identity.actor))
    where.screen.say(f"{where.screen.mark('good', 'logged in')} as {identity.actor} at {address}; kept in {path}")
    if where.settings.url != address:
        where.screen.say(f"to use it: export LOOPLINE_URL={address}")
    if where.settings.token:
        where.screen.say("LOOPLINE_TOKEN is set, and wins over what was kept")
    return identity


def _address(where: Place, url: str | None) -> str:
    from urllib.parse import urlsplit

    from loopline.nouns.loopback import is_here

    address = where.server(url, "login")
    parts = urlsplit(address)
    if parts.scheme == "http" and not is_here(parts.hostname or ""):
        where.screen.say(
            f"{where.screen.paint_err('wait', 'warning:')} {address} is not encrypted: others may read the token"
        )
    return address


def _typed() -> str:
    """Read a token from standard input; a terminal does not show what is typed."""
    if sys.stdin.isatty():
        from getpass import getpass

        try:
            text = getpass("token: ").strip()
        except EOFError:  # Ctrl-D
            text = ""
    else:
        text = sys.stdin.readline(500).strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid(
            "there is no token on standard input", kind="no-token-given", hint="loopline login URL --token < FILE"
        )
    return text


def _confirmed(where: Place, wire: Wire) -> str:
    """Show a code, and wait until somebody has confirmed it."""
    import socket

    from loopline.sdk import device

    waiting = device.begin(wire, f"loopline on {socket.gethostname()}")
    say, paint = where.screen.err.write, where.screen.paint_err
    say(f"open {paint('name', waiting.direct)}\nand confirm the code {paint('head', waiting.user_code)}\n")
    where.screen.err.flush()
    return device.wait(wire, waiting)


def _who(where: Place, address: str, token: str) -> Identity | None:
    """Ask a server whom it takes this caller for; None where it does not know them."""
    from loopline.sdk.remote import Remote

    settings = where.settings
    client = Remote(address, token, settings.project, work=settings.home / "cache")
    try:
        found: Identity = client.do("whoami")
    except Refused as refused:
        if refused.kind == "not-signed-in":
            return None
        raise
    else:
        return found
    finally:
        client.close()
