"""incident: what happened, whom it reached, which changes are linked with it, the timeline; and how people say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import HEADERS, address, pressed, project_of, render, shown, zone_of
from loopline.nouns.ids import brief
from loopline.nouns.postmortem import Postmortem
from loopline.nouns.severity import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

VERBS: Final = ("incident", "blame", "resolve", "reopen", "comment")


@shown
async def page(request: Request) -> Response:
    """Show everything about an incident."""
    return await _page(request)


@shown
async def answer(request: Request) -> Response:
    """Do what a button of the page says; what goes wrong is told on the page, with what was typed."""
    return await pressed(request, _do, _page, gone="no-incident")


@shown
async def written(request: Request) -> Response:
    """Give the page as a file of Markdown."""
    key = request.path_params["incident"]
    text = await ask(request, "postmortem", incident=key, timezone=str(zone_of(request)))
    name = f"postmortem-{brief(key)}.md" if key.isalnum() else "postmortem.md"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/markdown", headers=headers)


async def _do(request: Request, form: Mapping[str, list[str]]) -> str:
    """Do it, and give the address to go on at."""
    key = request.path_params["incident"]
    here = address(project_of(request), "incidents", key)
    said = {name: first_of(form, name) for name in ("do", "text", "change", "relation", "confidence", "comment")}
    match said["do"]:
        case "resolve" | "reopen" as verb:
            await ask(request, verb, incident=key, why=said["text"])
        case "blame" | "absolve" as word:
            words: dict[str, Any] = {"incident": key, "change": said["change"], "why": said["text"]}
            words |= {"fixes": said["relation"] == "fixes", "remove": word == "absolve"}
            await ask(request, "blame", **words, **({"confidence": said["confidence"]} if said["confidence"] else {}))
            return f"{here}#changes"
        case "edit":
            await ask(request, "incident", **_changed(form), edit=key, why=said["text"])
        case "comment":
            await ask(request, "comment", change=key, text=said["text"])
            return f"{here}#timeline"
        case "delete":
            await ask(request, "comment", change=key, delete=said["comment"])
            return f"{here}#timeline"
        case other:
            raise Invalid(f"an incident knows no {other!r}", kind="bad-value", hint="use the buttons of its page")
    return here


def _changed(form: Mapping[str, list[str]]) -> dict[str, str]:
    """Give the fields that somebody has changed: the others may have been said otherwise meanwhile, by somebody else."""
    typed = {name: first_of(form, name) for name in ("title", "severity", "about", "at")}
    return {name: text for name, text in typed.items() if text not in ("", first_of(form, f"was-{name}"))}


async def _page(
    request: Request, *, problem: LooplineError | None = None, typed: Mapping[str, list[str]] | None = None
) -> Response:
    key, project = request.path_params["incident"], project_of(request)
    found = await ask(request, "show", what=key)
    if not isinstance(found, Postmortem):
        raise NotFound(
            f"{key[:40]} is no incident", kind="no-incident", hint="loopline find incidents", incident=key[:40]
        )
    one = found.incident
    return await render(
        request, "incident.html", title=one.title, section="incidents", asked=Asked("show", {"what": brief(one.id)}),
        crumbs=[("Incidents", address(project, "incidents"))], status=status_of(problem) if problem else 200,
        found=found, incident=one, problem=problem, typed=typed or {}, first_of=first_of, severities=SEVERITIES,
        me=str(request.scope["loopline.caller"].actor),
        why_not={verb: why_not(request, verb, assets=_assets(found)) for verb in VERBS},
    )  # fmt: skip


def _assets(found: Postmortem) -> list[str]:
    """Name what the incident is about, as its verbs are held against it."""
    moved = [move.partition("@")[0] for one in found.linked for move in one.moves]
    return sorted({*moved, found.incident.about} - {""}) or ["*"]


ROUTES = (
    Route("/p/{project}/incidents/{incident}", page, methods=["GET"], name="incident"),
    Route("/p/{project}/incidents/{incident}", answer, methods=["POST"], name="incident-answer"),
    Route("/p/{project}/incidents/{incident}/postmortem", written, methods=["GET"], name="postmortem"),
)
