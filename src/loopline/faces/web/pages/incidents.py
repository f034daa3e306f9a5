"""incidents: what went wrong in production, those that are open first, and a form to open one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.errors import LooplineError
from loopline.faces.forms import form_of
from loopline.faces.problem import expected
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, shown, taking
from loopline.nouns.severity import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

PAGE: Final = 50
OPEN: Final = 100
FIELDS: Final = ("title", "severity", "caused_by", "confidence", "about", "at", "why")
"""What the form asks for; a link may fill some of it in."""


@taking("after", *FIELDS)
async def page(request: Request) -> Response:
    """List incidents: those that are open, then those that are over, the newest first."""
    return await _page(request, {name: request.query_params.get(name, "") for name in FIELDS})


@shown
async def answer(request: Request) -> Response:
    """Open one; what goes wrong is told on the page, with what was typed."""
    form = await form_of(request)
    typed = {name: first_of(form, name) for name in FIELDS}
    try:
        made = await ask(request, "incident", **{name: text for name, text in typed.items() if text or name == "title"})
    except LooplineError as error:
        if error.kind == "not-signed-in":
            raise
        return await _page(request, typed, problem=expected(error, about="a form"))
    return see_other(address(project_of(request), "incidents", made.id))


async def _page(request: Request, typed: Mapping[str, str], *, problem: LooplineError | None = None) -> Response:
    project, after = project_of(request), request.query_params.get("after", "")
    words = {"what": "incidents", "after": after, "limit": PAGE}
    standing = await ask(request, "find", what="incidents", open=True, limit=OPEN + 1)
    found = await ask(request, "find", **(words | {"limit": PAGE + 1}))
    older = address(project, "incidents", after=found[PAGE - 1].id) + "#over" if len(found) > PAGE else ""
    return await render(
        request, "incidents.html", title="Incidents", section="incidents", asked=Asked("find", words), problem=problem,
        status=status_of(problem) if problem else 200, standing=() if after else standing[:OPEN], more=len(standing) > OPEN,
        severities=SEVERITIES,
        over=[one for one in found[:PAGE] if one.resolved_at is not None], older=older,
        newest=address(project, "incidents") if after else "", typed=typed, why_not={"incident": why_not(request, "incident")},
    )  # fmt: skip


ROUTES = (
    Route("/p/{project}/incidents", page, methods=["GET"], name="incidents"),
    Route("/p/{project}/incidents", answer, methods=["POST"], name="incidents-answer"),
)
