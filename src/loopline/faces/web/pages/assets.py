"""assets: what there is, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, taking
from loopline.nouns.name import KINDS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE: Final = 100


@taking("kind", "after")
async def page(request: Request) -> Response:
    """List assets with their refs and their newest version."""
    project, kind, after = (
        project_of(request),
        request.query_params.get("kind", ""),
        request.query_params.get("after", ""),
    )
    words = {"what": kind, "after": after, "limit": PAGE}
    found = await ask(request, "ls", **(words | {"limit": PAGE + 1}))
    more = address(project, "assets", kind=kind, after=str(found[PAGE - 1].asset)) if len(found) > PAGE else ""
    tabs = [("All", address(project, "assets"), not kind, 0)]
    tabs += [(name.capitalize(), address(project, "assets", kind=name), name == kind, 0) for name in KINDS]
    return await render(
        request, "assets.html", title="Assets", section="assets", asked=Asked("ls", words), found=found[:PAGE], tabs=tabs,
        kind=kind, more=more, first=address(project, "assets", kind=kind) if after else "",
    )  # fmt: skip


ROUTES = (Route("/p/{project}/assets", page, name="assets"),)
