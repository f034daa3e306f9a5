"""routes: what lives below /api/v1, apart from what other faces put there first."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from loopline.faces.native.asking import Endpoint, asked, nothing

PREFIX = "/api/v1"


def routes() -> list[BaseRoute]:
    """Give the routes in the order in which they are tried; the last takes whatever is left below /api/v1."""
    return [
        Route(f"{PREFIX}/{{verb}}", Endpoint(GET=asked, HEAD=asked, POST=asked)),
        Route(
            f"{PREFIX}/{{rest:path}}",
            Endpoint(**dict.fromkeys(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), nothing)),
        ),
    ]
