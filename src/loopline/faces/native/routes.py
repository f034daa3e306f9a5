"""routes: what lives below /api/v1, apart from what other faces put there first."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from loopline.faces.native import blobs, feed, tasks, uploads
from loopline.faces.native.answers import Endpoint, nothing
from loopline.faces.native.asking import asked
from loopline.faces.native.openapi import openapi

PREFIX = "/api/v1"
_ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def routes() -> list[BaseRoute]:
    """Give the routes in the order in which they are tried; the last takes whatever is left below /api/v1."""
    return [
        Route(f"{PREFIX}/openapi.json", Endpoint(GET=openapi, HEAD=openapi)),
        Route(f"{PREFIX}/blobs/missing", Endpoint(POST=blobs.missing)),
        Route(f"{PREFIX}/blobs/pack", Endpoint(POST=blobs.pack)),
        Route(f"{PREFIX}/blobs/fetch", Endpoint(POST=blobs.fetch)),
        Route(f"{PREFIX}/blobs/{{digest}}/pieces", Endpoint(GET=blobs.pieces)),
        Route(f"{PREFIX}/blobs/{{digest:path}}", Endpoint(GET=blobs.get, HEAD=blobs.get, PUT=blobs.put)),
        Route(f"{PREFIX}/uploads", Endpoint(POST=uploads.begin)),
        Route(
            f"{PREFIX}/uploads/{{upload}}",
            Endpoint(HEAD=uploads.look, PATCH=uploads.append, DELETE=uploads.drop),
        ),
        Route(f"{PREFIX}/tasks/{{task}}", Endpoint(GET=tasks.get, HEAD=tasks.get)),
        Route(f"{PREFIX}/tasks/{{task}}/events", Endpoint(GET=tasks.events)),
        Route(f"{PREFIX}/feed/events", Endpoint(GET=feed.events)),
        Route(f"{PREFIX}/{{verb}}", Endpoint(GET=asked, HEAD=asked, POST=asked)),
        Route(f"{PREFIX}/{{rest:path}}", Endpoint(**dict.fromkeys(_ANY, nothing))),
    ]
