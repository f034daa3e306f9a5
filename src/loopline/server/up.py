"""up: everything that `loopline up` starts: requests, the ticker, the relay, further processes, a worker."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError, Refused
from loopline.nouns.loopback import is_loopback
from loopline.server.child import write_log
from loopline.server.children import Child, Children
from loopline.server.listening import address_of, listen, url_of

if TYPE_CHECKING:
    import socket

    from loopline.faces.prometheus.tally import Tally
    from loopline.loop import Loop
    from loopline.settings import ServerSettings, Settings

CHILDREN_S: Final = 25.0
"""How long children have to end in order: a little more than requests have."""
HOST_S: Final = 0.5
"""How often one looks whether there is a service, while there is none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of `loopline up`."""

    host: str = "127.0.0.1"
    port: int = 4040
    processes: int = 1
    worker: bool = True
    """Whether a worker runs on this machine, too."""
    services: bool = True
    """Whether what is deployed is served on this machine, too."""
    access_log: bool = False


_LASTING_S: Final = 24 * 3600.0
"""A server never ends: as a writer it is written down anew each day, so that a reclaim need not wait for it for ever."""


def up(settings: Settings, wish: Wish, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raise Unavailable kind="port-taken", Refused kind="needs-admin-token" where others could reach a server without tokens,
    unless the settings name somebody who becomes its admin by signing in.
    """
    from loopline.faces.prometheus.tally import shared
    from loopline.wiring import open_loop

    write_log()
    listening = listen(wish.host, wish.port)
    try:
        loop = open_loop(settings)
        if loop.ledger.attendance is not None:
            loop.ledger.attendance.lasting = _LASTING_S
        try:
            known = _has_admin(loop)
            if not known and not is_loopback(wish.host) and not _become_admins(settings.server):
                raise _needs_token(wish.host)
            port = address_of(listening)[1]
            server = replace(settings.server, host=wish.host, port=port)
            with os.fdopen(shared(wish.processes), "rb", buffering=0) as counts:
                here = _Up(loop, settings, server, listening, counts.fileno())
                _serve(here, wish, tell, _words(wish, server, url_of(listening), known=known))
        finally:
            loop.ledger.close()
    finally:
        listening.close()


@dataclass(frozen=True)
class _Up:
    loop: Loop
    settings: Settings
    server: ServerSettings
    listening: socket.socket
    counts: int
    """Memory in which all processes count, as an open file."""


def _serve(here: _Up, wish: Wish, tell: Callable[[str], None], words: list[str]) -> None:
    from loopline.faces.prometheus.tally import Tally
    from loopline.server.serve import serve

    tally = Tally(here.counts)
    children = Children(tell)
    stop = threading.Event()

    def ready() -> None:
        for line in words:
            tell(line)
        for number in range(2, wish.processes + 1):
            children.start(_process(here, wish, number))
        if wish.worker:
            children.start(Child("worker", "server.worker", [json.dumps({**told(here.settings), "queue": "default"})]))

        if wish.services:
            threading.Thread(target=_hosting, args=(here, children, stop), name="loopline-hosting", daemon=True).start()

    def ending() -> None:
        stop.set()
        children.ask()

    try:
        with _threads(here, stop, tally):
            serve(
                here.loop, here.listening, settings=here.server, tally=tally, access_log=wish.access_log,
                ready=ready, at_once=children.kill, ending=ending,
            )  # fmt: skip
    finally:
        children.stop(patience_s=CHILDREN_S)


def _hosting(here: _Up, children: Children, stop: threading.Event) -> None:
    """Start a host with the first service: most servers have none, and pay for none."""
    while not stop.wait(HOST_S):
        try:
            with here.loop.ledger.read() as tx:
                found = tx.refs.any("service")
        except LooplineError:
            continue  # the database is away for a moment: whoever asks is told
        if found:
            children.start(Child("host", "server.host", [json.dumps(told(here.settings))]))
            return


@contextmanager
def _threads(here: _Up, stop: threading.Event, tally: Tally) -> Iterator[None]:
    """Run the ticker and the relay beside the requests."""
    from loopline.server.hosts import hosts_of
    from loopline.server.mailing import Post
    from loopline.server.relay import Relay
    from loopline.server.steering import Steering
    from loopline.server.ticker import Duty, Ticker, duties
    from loopline.server.watching import Watching

    address = here.server.address or url_of(here.listening)
    relay = Relay(
        here.loop, hosts_of(here.server), secrets=here.server.webhook_secrets,
        post=Post(here.server.smtp, address, here.server.timezone), tell=tally.tell,
    )  # fmt: skip
    looking = [
        Duty(name, kind.every, kind(here.settings)) for name, kind in (("monitors", Watching), ("rollouts", Steering))
    ]
    ticker = Ticker(here.loop, listed=(*duties(), *looking))
    threads = [
        threading.Thread(target=one.run, args=(stop,), name=f"loopline-{name}", daemon=True)
        for name, one in (("relay", relay), ("ticker", ticker))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)


def _process(here: _Up, wish: Wish, number: int) -> Child:
    asked = {**told(here.settings), "host": here.server.host, "port": here.server.port, "access_log": wish.access_log}
    handles = {"listening": here.listening.fileno(), "tally": here.counts}
    words = json.dumps({**asked, **handles, "number": number})
    return Child(f"process {number}", "server.process", [words], tuple(handles.values()))


def told(settings: Settings) -> dict[str, str]:
    """Say to a process of the same folder and environment what it must know beside these."""
    return {"home": str(settings.home.absolute()), "project": settings.project, "actor": settings.actor}


def _has_admin(loop: Loop) -> bool:
    from loopline.server.auth import is_open

    with loop.ledger.read() as tx:
        return not is_open(tx)


def _become_admins(server: ServerSettings) -> tuple[str, ...]:
    """Give whom a login at the provider makes an admin: a server that has these is open to nobody."""
    return server.oidc.admins if server.oidc.issuer else ()


def _needs_token(host: str) -> Refused:
    return Refused(
        f"others could reach this server at {host}, and nobody has an admin's token yet", kind="needs-admin-token",
        hint="loopline issue laptop --role admin --everywhere, then start it again; or set LOOPLINE_OIDC_ADMINS", host=host,
    )  # fmt: skip


def _words(wish: Wish, server: ServerSettings, url: str, *, known: bool) -> list[str]:
    lines = [f"Loopline listens on {server.address or url}"]
    if known or server.oidc.issuer:
        lines.append("Who asks needs a token, or signs in with the browser.")
        if not known and (coming := _become_admins(server)):
            lines.append(f"Nobody has an admin's token: {', '.join(coming)} becomes an admin by signing in.")
    else:
        lines.append("Open: anybody on this machine may do everything, and names are only what was typed.")
    if not wish.worker:
        lines.append("No worker here: pipelines wait until one is started with `loopline worker`.")
    return lines
