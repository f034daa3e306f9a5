"""app: every face behind one gate, as one ASGI application."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from loopline.faces.gateway import Gateways
from loopline.faces.lakefs.door import LakefsDoor
from loopline.faces.mlflow.door import doors as mlflow_doors
from loopline.faces.problem import on_error
from loopline.faces.prometheus.server import ServerMeters
from loopline.faces.prometheus.tally import Tally, alone
from loopline.faces.s3.door import S3Door
from loopline.nouns.loopback import is_here, is_loopback
from loopline.server.auth import Auth
from loopline.server.gate import Gate, Stopping
from loopline.server.hosts import hosts_of
from loopline.server.trying import Trial
from loopline.server.virtual import VirtualHosts
from loopline.settings import ServerSettings
from loopline.verbs.counting import counted

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from loopline.faces.desk import Desk

FACES: Final = ("s3", "lakefs", "mlflow", "prometheus", "openlineage", "mcp", "login", "native", "web")
"""In the order in which their routes are tried: protocols first, then verbs, then pages, so that no verb hides a protocol."""


def make_app(
    desk: Desk,
    *,
    settings: ServerSettings | None = None,
    stopping: Stopping | None = None,
    tally: Tally | None = None,
    access_log: bool = False,
) -> Starlette:
    """Put the faces together. `settings` says by which names this server is called, `stopping` tells streams when to end.

    `tally` is where requests are counted, where several processes do that together.
    """
    settings = settings or ServerSettings()
    tally = tally or alone()
    every = routes()
    app = Starlette(
        routes=every,
        middleware=[
            Middleware(VirtualHosts, host=settings.s3_host),
            Middleware(Gate, desk=desk, stopping=stopping or Stopping(), tally=tally, access_log=access_log),
            Middleware(
                Auth,
                desk=desk,
                hosts=names_of(settings),
                below=(settings.s3_host,) if settings.s3_host else (),
                tokens_only=not is_open_to_loopback(settings),
                doors=(S3Door(), LakefsDoor(), *mlflow_doors()),
            ),
            Middleware(Gateways, routes=every),
        ],
        exception_handlers={HTTPException: on_error, Exception: on_error},
    )
    app.state.desk = desk
    app.state.settings = settings
    app.state.trial = Trial(hosts_of(settings))
    app.state.meters = ServerMeters(tally, partial(counted, desk.loop), version=version("loopline"))
    return app


def routes() -> list[BaseRoute]:
    """Give the routes of every face in the order in which they are tried."""
    return [one for face in FACES for one in import_module(f"loopline.faces.{face}.routes").routes()]


def names_of(settings: ServerSettings) -> tuple[str, ...]:
    """Give what a request's Host may be, beside names of loopback."""
    address = urlsplit(settings.address)
    return tuple(name for name in (*settings.hosts, address.hostname or "", settings.host, settings.s3_host) if name)


def is_open_to_loopback(settings: ServerSettings) -> bool:
    """Tell whether anybody on this machine may ask, as long as no admin has a token."""
    named = [
        urlsplit(f"//{name}").hostname or "" for name in names_of(settings)
    ]  # with a proxy in front, everybody is local
    near = [is_loopback(name) or (name == settings.s3_host and is_here(name)) for name in named]
    return all(near) and not settings.oidc.issuer
