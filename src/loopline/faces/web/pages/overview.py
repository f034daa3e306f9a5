"""overview: what is current and why, what is open, what waits for whoever looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from loopline.faces.desk import act
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import door, render, shown
from loopline.verbs.overview import overview

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@shown
async def page(request: Request) -> Response:
    """Show a project on one page."""
    found = await act(request, overview, door(request, "overview"))
    return await render(
        request, "overview.html", title="Overview", section="", asked=Asked("overview"), found=found
    )  # fmt: skip


ROUTES = (Route("/p/{project}", page, name="overview"), Route("/p/{project}/", page))
