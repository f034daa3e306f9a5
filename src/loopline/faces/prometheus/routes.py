"""routes: GET /metrics of a server. It is of no project, and names services of all: it wants a right in every project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from loopline.access.roles import EVERYWHERE
from loopline.faces.admit import admit
from loopline.faces.desk import act
from loopline.faces.native.answers import Endpoint
from loopline.verbs import Verb

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.prometheus.server import ServerMeters

METRICS: Final = Verb("metrics", "read", "questions", "Read the meters of the server.")
"""What a token must cover: `metrics`, or `read`."""


def routes() -> list[BaseRoute]:
    """Give the route."""
    return [Route("/metrics", Endpoint(GET=_metrics, HEAD=_metrics))]


async def _metrics(request: Request) -> Response:
    admit(request, METRICS, project=EVERYWHERE)
    meters: ServerMeters = request.app.state.meters
    body, media = await act(request, meters.render, ", ".join(request.headers.getlist("accept")))
    return Response(body, headers={"Cache-Control": "no-store", "Content-Type": media})
