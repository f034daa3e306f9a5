"""lineage: where something came from and what was built from it, as a graph to walk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.graph import dag
from loopline.faces.web.page import address, number_of, project_of, render, taking
from loopline.faces.web.walks import backwards, forwards

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

DEPTH: Final = 4
LISTED: Final = 300


@taking("of", "way", "depth")
async def page(request: Request) -> Response:
    """Show `why` or `impact` of one thing; without one, where a walk may begin."""
    project, of = project_of(request), request.query_params.get("of", "").strip()
    way = "impact" if request.query_params.get("way", "") == "impact" else "why"
    tabs = [
        ("Where it came from", address(project, "lineage", of=of), way == "why", 0),
        ("What it has touched", address(project, "lineage", of=of, way="impact"), way == "impact", 0),
    ]

    def href(key: str) -> str:
        return address(project, "lineage", of=key, way="impact" if way == "impact" else "")

    values: dict[str, Any] = {
        "of": of,
        "way": way,
        "tabs": tabs,
        "walk": href,
        "drawing": None,
        "reason": None,
        "impact": None,
    }
    if not of:
        listed = await ask(request, "ls", limit=100)
        asked = Asked("ls")
        return await render(
            request,
            "lineage.html",
            title="Lineage",
            section="lineage",
            asked=asked,
            listed=listed,
            left_out=0,
            **values,
        )
    if way == "why":
        depth = max(0, min(number_of(request, "depth", DEPTH), 100))
        values["reason"] = reason = await ask(request, "why", what=of, depth=depth)
        nodes, edges, left_out = backwards(reason, href)
        asked = Asked("why", {"what": of, "depth": depth})
    else:
        values["impact"] = found = await ask(request, "impact", what=of, limit=LISTED)
        nodes, edges, left_out = forwards(found, href)
        asked = Asked("impact", {"what": of, "limit": LISTED})
    values["drawing"] = (
        dag(nodes, edges, title=f"{'Where' if way == 'why' else 'What'} {of}") if len(nodes) > 1 else None
    )
    return await render(
        request, "lineage.html", title=of, section="lineage", asked=asked, left_out=left_out, listed=(),
        crumbs=[("Lineage", address(project, "lineage"))], **values,
    )  # fmt: skip


ROUTES = (Route("/p/{project}/lineage", page, name="lineage"),)
