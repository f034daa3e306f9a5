"""changes: what somebody wants to move, and has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, taking

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE: Final = 50


@taking("all", "after")
async def page(request: Request) -> Response:
    """List changes, the newest first; those that are open, unless all are asked for."""
    every = request.query_params.get("all", "") == "1"
    after = request.query_params.get("after", "")
    words = {"what": "changes", "open": not every, "after": after, "limit": PAGE}
    found = await ask(request, "find", **(words | {"limit": PAGE + 1}))
    project = project_of(request)
    tabs = [("Open", address(project, "changes"), not every, 0), ("All", address(project, "changes", all=1), every, 0)]
    older = address(project, "changes", all=1 if every else "", after=found[PAGE - 1].id) if len(found) > PAGE else ""
    return await render(
        request, "changes.html", title="Changes", section="changes", asked=Asked("find", words), found=found[:PAGE], tabs=tabs,
        every=every, older=older, newest=address(project, "changes", all=1 if every else "") if after else "",
    )  # fmt: skip


ROUTES = (Route("/p/{project}/changes", page, name="changes"),)
