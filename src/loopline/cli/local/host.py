"""host: keeps what is deployed alive."""

from __future__ import annotations

from loopline.cli.place import Place
from loopline.errors import Invalid


def host(where: Place) -> None:
    """Keep the services of this ledger alive on this machine, until Ctrl-C.

    `loopline up` has a host already; this one does not go away when the server restarts. It needs the ledger itself: the home
    folder of the server, or the same LOOPLINE_DATABASE and LOOPLINE_STORE. Of several hosts one has each deployment; another
    takes it when that one falls silent. When it ends, services answer what they were asked.

    Example:
        loopline host
    """
    from loopline.server.host import hold

    if where.options.dry:
        raise Invalid("a host cannot be rehearsed", kind="no-dry-run", hint="loopline services tells what is deployed")
    settings = where.settings
    if not where.options.quiet:
        where.screen.say("keeping what is deployed alive; Ctrl-C ends it in order")
        where.screen.flush()
    hold(settings)
