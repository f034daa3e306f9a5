"""monitors: what is looked at again and again, what was seen, and who sees to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.errors import Invalid, LooplineError
from loopline.faces.forms import form_of
from loopline.faces.problem import expected
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, try_to, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, shown, taking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

PAGE: Final = 30
OPEN: Final = 100
LASTING: Final = {"1h": "an hour", "4h": "4 hours", "1d": "a day", "7d": "a week"}


@taking("after")
async def page(request: Request) -> Response:
    """Show every monitor, the alerts that are open, and those that were."""
    return await _page(request)


@shown
async def answer(request: Request) -> Response:
    """Do what a form says, of this page or of a service's; what goes wrong is told here, with what was typed."""
    form = await form_of(request)
    try:
        await _do(request, form)
    except LooplineError as error:
        if error.kind == "not-signed-in":
            raise
        return await _page(request, problem=expected(error, about="a form"))
    project, service = project_of(request), first_of(form, "service")
    return see_other(address(project, "services", service) if service else address(project, "monitors"))


async def _do(request: Request, form: Mapping[str, list[str]]) -> None:
    said = {name: first_of(form, name) for name in ("do", "alert", "note", "match", "why", "lasting")}
    match said["do"]:
        case "acknowledge":
            await ask(request, "acknowledge", alert=said["alert"], note=said["note"])
        case "silence":
            await ask(request, "silence", match=said["match"], why=said["why"], lasting=said["lasting"] or "4h")
        case "unsilence":
            await ask(request, "silence", match=said["match"], why=said["why"] or "ended", lasting="0s")
        case other:
            raise Invalid(f"monitors know no {other!r}", kind="bad-value", hint="use the buttons of their page")


async def _page(request: Request, *, problem: LooplineError | None = None) -> Response:
    project, after = project_of(request), request.query_params.get("after", "")
    standing = await ask(request, "alerts", open=True, limit=OPEN)
    history = await ask(request, "alerts", limit=PAGE + 1, after=after)
    incidents, _ = await try_to(request, "find", what="incidents", open=True, limit=OPEN)
    silences, _ = await try_to(request, "find", what="silences", limit=OPEN)
    older = address(project, "monitors", after=history[PAGE - 1].id) + "#history" if len(history) > PAGE else ""
    return await render(
        request, "monitors.html", title="Monitors", section="monitors", asked=Asked("monitors"), problem=problem,
        status=status_of(problem) if problem else 200, monitors=await ask(request, "monitors"), standing=standing,
        history=[one for one in history[:PAGE] if one.resolved_at], silences=silences or (), older=older, lasting=LASTING,
        newest=address(project, "monitors") if after else "",
        incidents=incidents or (), why_not={verb: why_not(request, verb) for verb in ("acknowledge", "silence", "incident")},
    )  # fmt: skip


ROUTES = (
    Route("/p/{project}/monitors", page, methods=["GET"], name="monitors"),
    Route("/p/{project}/monitors", answer, methods=["POST"], name="monitors-answer"),
)
