"""search: everything that some words stand in."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, taking
from loopline.verbs.paging import next_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.hit import Hit

TITLES: Final = {
    "asset": "Assets", "ref": "Refs", "version": "Versions", "run": "Runs", "change": "Changes", "event": "Events",
    "person": "People", "file": "Files",
}  # fmt: skip
FEW, MANY = 8, 100


@taking("text", "kind", "after", "stay")
async def page(request: Request) -> Response:
    """Search; the beginning of an id that means one thing leads there at once."""
    project = project_of(request)
    text, kind = " ".join(request.query_params.get("text", "").split()), request.query_params.get("kind", "")
    if kind and kind not in TITLES:
        raise Invalid(
            f"{kind!r} is no kind of thing", kind="bad-value", hint=f"kinds are {', '.join(TITLES)}", value=kind
        )
    after = request.query_params.get("after", "") if kind else ""
    words = {"words": text, "kind": kind or None, "after": after, "limit": MANY if kind else FEW}
    found = await ask(request, "search", **words) if text else ()
    more = next_of("search", words, found) if kind else None
    jump = [hit for hit in found if hit.exact and hit.where in ("id", "digest")]
    if len(jump) == 1 and len(found) == 1 and not after and not request.query_params.get("stay"):
        return see_other(_href(project, jump[0]))
    exact = [hit for hit in found if hit.exact]
    groups = [
        (TITLES[name], name, [(hit, _href(project, hit)) for hit in several])
        for name, several in (
            (name, list(several)) for name, several in groupby((h for h in found if not h.exact), key=lambda h: h.kind)
        )
    ]
    return await render(
        request, "search.html", title=f"{text} – search" if text else "Search", section="search",
        asked=Asked("search", words) if text else None, text=text, kind=kind, groups=groups, titles=TITLES,
        exact=[(hit, _href(project, hit)) for hit in exact], few=FEW, found=len(found),
        newest=address(project, "search", text=text, kind=kind) if after else "",
        older=address(project, "search", text=text, kind=kind, after=more) if more else "",
    )  # fmt: skip


def _href(project: str, hit: Hit) -> str:
    match hit.kind:
        case "run":
            return address(project, "runs", hit.key)
        case "change":
            return address(project, "changes", hit.key)
        case "event":
            return address(project, "feed", before=int(hit.key) + 1)
        case "person":
            return address(project, "feed", actor=hit.key)
        case "file":
            version = hit.key.removesuffix(f"/{hit.title}")
            return address(project, "assets", version, file=hit.title)
        case _:
            return address(project, "assets", hit.key)


ROUTES = (Route("/p/{project}/search", page, name="search"),)
