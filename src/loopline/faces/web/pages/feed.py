"""feed: what has happened, the newest first, live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, number_of, project_of, render, shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.event import Event

PAGE: Final = 60
REPEATED: Final = ("run.logged", "steps.started", "steps.finished", "steps.recorded")
"""Kinds that say little when they come one after the other."""
KINDS: Final = (
    ("Everything", ""), ("Changes", "change.*"), ("Comments", "comment.*"), ("Versions", "version.*"), ("Runs", "run.*"),
    ("Steps", "steps.*"), ("Checks", "check.*"), ("People", "grant.*"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and how often the same happened to the same thing right before it."""

    event: Event
    times: int


def together(events: Iterable[Event]) -> list[Told]:
    """Tell events that repeat each other as one: a training that logs would fill the page."""
    told: list[Told] = []
    for one in events:
        last = told[-1].event if told else None
        if (
            last
            and (last.kind, last.subject, last.actor) == (one.kind, one.subject, one.actor)
            and one.kind in REPEATED
        ):
            told[-1] = Told(last, told[-1].times + 1)
        else:
            told.append(Told(one, 1))
    return told


@shown
async def page(request: Request) -> Response:
    """Tell what has happened, of one kind, subject or actor where that is asked for."""
    project = project_of(request)
    kind, subject, actor = (request.query_params.get(name, "").strip() for name in ("kind", "subject", "actor"))
    before = number_of(request, "before", 0) or None
    words = {"kind": kind, "subject": subject, "actor": actor, "before": before, "limit": PAGE}
    found = await ask(request, "feed", **(words | {"limit": PAGE + 1}))
    asked = {"kind": kind, "subject": subject, "actor": actor}
    older = address(project, "feed", **asked, before=found[PAGE - 1].seq) if len(found) > PAGE else ""
    presets = [(title, address(project, "feed", **(asked | {"kind": one})), one == kind) for title, one in KINDS]
    return await render(
        request, "feed.html", title="Feed", section="feed", asked=Asked("feed", words),
        found=together(found[:PAGE]), presets=presets,
        kind=kind, subject=subject, actor=actor, older=older, newest=address(project, "feed", **asked) if before else "",
        live="" if before else (kind or "*"),
    )  # fmt: skip


ROUTES = (Route("/p/{project}/feed", page, name="feed"),)
