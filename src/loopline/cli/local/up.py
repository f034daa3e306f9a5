"""up: the server, in the foreground."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid


def up(
    where: Place,
    *,
    host: Annotated[
        str | None,
        "address to listen on; left out: LOOPLINE_HOST or 127.0.0.1. Others than loopback need an admin first: a token, a login",
    ] = None,
    port: Annotated[int | None, "port to listen on; left out: LOOPLINE_PORT or 4040; 0: any that is free"] = None,
    workers: Annotated[int, "processes that answer requests"] = 1,
    no_worker: Annotated[bool, "run no pipelines here: `loopline worker` does, somewhere else"] = False,
    no_host: Annotated[bool, "serve no models here: `loopline host` does, somewhere else"] = False,
    access_log: Annotated[bool, "write a line of JSON on stderr for each request"] = False,
) -> None:
    """Serve this ledger: the API, the pages, a worker for pipelines, and a host for what is deployed.

    It stays in the foreground and says its address: open that in a browser, or give it to others as LOOPLINE_URL.
    It ends with Ctrl-C or SIGTERM: requests under way are ended and work is given back; a second one ends it at once.
    On loopback, while nobody has an admin's token, anybody on this machine may do everything.

    Example:
        loopline up --port 4041
    """
    from loopline.server.up import Wish, up

    if where.options.dry:
        raise Invalid(
            "a server cannot be rehearsed", kind="no-dry-run", hint="loopline doctor looks and changes nothing"
        )
    settings = where.settings
    if not 1 <= workers <= 64:
        raise Invalid(f"{workers} workers make no server", kind="bad-value", hint="write a number from 1 to 64")
    chosen = settings.server
    wish = Wish(
        chosen.host if host is None else host,
        chosen.port if port is None else port,
        workers,
        not no_worker,
        not no_host,
        access_log,
    )
    if not 0 <= wish.port < 65536:
        raise Invalid(f"{wish.port} is no port", kind="bad-value", hint="write a number from 0 to 65535")

    def tell(line: str) -> None:
        where.screen.write(line + "\n")
        where.screen.flush()

    up(settings, wish, tell)
