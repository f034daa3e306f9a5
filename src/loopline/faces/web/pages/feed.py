"""feed: what has happened, the newest first, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.desk import act
from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.happened import Told, told
from loopline.faces.web.page import address, door, number_of, project_of, render, taking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.event import Event

PAGE: Final = 50
FEW: Final = 400
"""Letters of a payload in the list."""
WHOLE: Final = 60_000
"""Letters of a payload on a page of its own."""
KINDS: Final = (
    ("Everything", ""), ("Changes", "change.*"), ("Comments", "comment.*"), ("Versions", "version.*"), ("Runs", "run.*"),
    ("Steps", "steps.*"), ("Checks", "check*"), ("Alerts", "alert.*"),
    ("Incidents", "incident.*"),
    ("People", "grant.*"),
)  # fmt: skip


def _told(loop: Loop, events: Sequence[Event]) -> list[Told]:
    with loop.ledger.read() as tx:
        return told(tx, loop.project, events)


@taking("kind", "subject", "actor", "before", "event")
async def page(request: Request) -> Response:
    """Tell what has happened, of one kind, subject or actor where that is asked for."""
    project = project_of(request)
    kind, subject, actor = (request.query_params.get(name, "").strip() for name in ("kind", "subject", "actor"))
    before, event = number_of(request, "before", 0) or None, number_of(request, "event", 0)
    page = PAGE
    if event:
        kind, subject, actor, before, page = "", "", "", event + 1, 1
    words = {"kind": kind, "subject": subject, "actor": actor, "before": before, "limit": page}
    found = [one for one in await ask(request, "feed", **(words | {"limit": page + 1})) if event in (0, one.seq)]
    lines = await act(request, _told, door(request, "feed", assets=("*",)), found[:page])
    asked = {"kind": kind, "subject": subject, "actor": actor}
    older = address(project, "feed", **asked, before=found[page - 1].seq) if len(found) > page else ""
    presets = [(title, address(project, "feed", **(asked | {"kind": one})), one == kind) for title, one in KINDS]
    return await render(
        request, "feed.html", title="Feed", section="feed", asked=Asked("feed", words),
        crumbs=[("Feed", address(project, "feed"))] if event else (), event=event, few=FEW, whole=WHOLE,
        found=lines, presets=presets,
        kind=kind, subject=subject, actor=actor, older=older, newest=address(project, "feed", **asked) if before else "",
        live="" if before else (kind or "*"),
    )  # fmt: skip


ROUTES = (Route("/p/{project}/feed", page, name="feed"),)
