"""page: one page for a browser: who asks, where they are, what it shows, and how to ask the same elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from loopline.access.allow import allowed, entered
from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.admit import admit, caller_of
from loopline.faces.desk import Desk, act
from loopline.faces.forms import form_of, masked
from loopline.faces.problem import expected, headers_of
from loopline.faces.status import status_of
from loopline.faces.web import words
from loopline.faces.web.asked import Asked
from loopline.faces.web.packing import LEAST, packed, packs
from loopline.faces.web.static import statics
from loopline.nouns.ids import brief
from loopline.nouns.name import parse_project
from loopline.verbs import BY_NAME

if TYPE_CHECKING:
    from datetime import tzinfo

    from jinja2 import Environment
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.nouns.caller import Caller

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Accept-Encoding, Sec-Fetch-Site",
}


class Section(NamedTuple):
    """One line of the navigation."""

    name: str
    title: str
    key: str
    """Pressed behind `g`."""


SECTIONS: Final = (
    Section("", "Overview", "o"),
    Section("runs", "Runs", "r"),
    Section("assets", "Assets", "a"),
    Section("changes", "Changes", "c"),
    Section("services", "Services", "e"),
    Section("monitors", "Monitors", "m"),
    Section("incidents", "Incidents", "i"),
    Section("insights", "Insights", "n"),
    Section("lineage", "Lineage", "l"),
    Section("feed", "Feed", "f"),
    Section("settings", "Settings", "s"),
)

Handler = Callable[["Request"], Awaitable[Response]]
WHATEVER: Final = "*"
"""Stands for any parameter: of what others lead to with words of their own."""


def taking(*names: str) -> Callable[[Handler], Handler]:
    """Make a handler a page whose address takes these parameters behind `?`, and no others.

    Its errors are pages: what went wrong, in the same words as everywhere, and what to do next.
    """

    def made(handler: Handler) -> Handler:
        @wraps(handler)
        async def answered(request: Request) -> Response:
            try:
                await _enter(request)
                _only(request, names)
                return await handler(request)
            except Exception as error:  # noqa: BLE001 (a defect becomes a page as well, and stands in the server's log)
                return await error_page(request, expected(error, about=f"{request.method} {request.url.path!r}"))

        return answered

    return made


def shown(handler: Handler) -> Handler:
    """Make a handler a page whose address takes no parameters."""
    return taking()(handler)


async def _enter(request: Request) -> None:
    """Let somebody into the project that the address names. Raise Refused before anything is told, then NotFound."""
    project = parse_project(project_of(request))
    if "project" not in request.path_params:
        return
    caller, desk = caller_of(request), request.app.state.desk
    entered(caller, project=project)
    if project == desk.loop.project:  # it is there before anything has happened in it
        return
    every, _ = await act(request, _around, desk, caller, project)
    if project not in every:
        del request.path_params["project"]  # around the error stands the server's own
        raise NotFound(
            f"there is no project {project}", kind="no-project",
            hint=f"did you mean {near[0]}?" if (near := get_close_matches(project, every, n=1)) else
            "a project begins with the first thing that is recorded in it: loopline --project NAME …",
            project=project,
        )  # fmt: skip


def _only(request: Request, names: Collection[str]) -> None:
    """Raise Invalid for a parameter that the page does not know: what is not understood is not silently left out."""
    strange = next((name for name in request.query_params if name not in names), None)
    if strange is None or WHATEVER in names:
        return
    near = get_close_matches(strange, names, n=1)
    known = f"it takes {', '.join(names)}" if names else "it takes none"
    raise Invalid(
        f"{strange[:100]!r} is no parameter of this page: {known}", kind="unknown-parameter",
        hint=f"did you mean {near[0]}?" if near else f"leave {strange[:100]} out of the address",
        name=strange[:100], known=sorted(names),
    )  # fmt: skip


def project_of(request: Request) -> str:
    """Give the project that the address names; without one, the server's own."""
    desk: Desk = request.app.state.desk
    return str(request.path_params.get("project") or desk.loop.project)


def door(request: Request, verb: str, *, assets: Iterable[str] = ()) -> Loop:
    """Ask for the loop in the page's project. Raise Refused where the caller may not ask this verb there."""
    return admit(request, BY_NAME[verb], project=project_of(request), assets=assets)


def zone_of(request: Request) -> tzinfo:
    """Give the zone in which this server's pages write times."""
    settings = getattr(request.app.state, "settings", None)
    return words.zone_named(settings.timezone if settings else "")


def number_of(request: Request, name: str, default: int) -> int:
    """Read a whole number from the address. Raise Invalid."""
    text = request.query_params.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise Invalid(f"{name} is {text!r}", kind="bad-value", hint="write a whole number", value=text) from None


def address(project: str, *parts: str, **query: Any) -> str:
    """Give a page's address: parts are quoted, words that are empty are left out."""
    if not project:
        return "/"
    path = "/".join(["/p", quote(project, safe=""), *(quote(part, safe="@/=,+~!") for part in parts if part)])
    pairs = [
        (key, str(one)) for key, value in query.items() for one in (value if isinstance(value, (list, tuple)) else [value])
        if one not in ("", None, False)
    ]  # fmt: skip
    return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path


def see_other(where: str) -> Response:
    """Lead to a page after something was written, so that reloading does not write it again."""
    return RedirectResponse(where, 303, HEADERS)


async def pressed(
    request: Request, do: Callable[[Request, dict[str, list[str]]], Awaitable[str]], again: Callable[..., Awaitable[Response]],
    *, gone: str = "",
) -> Response:  # fmt: skip
    """Do what a button of a page says, and lead to where `do` says; what goes wrong is told on the page, with what was typed.

    Raise Refused kind="not-signed-in", and NotFound of the kind `gone`: what the page was about.
    """
    form = await form_of(request)
    try:
        return see_other(await do(request, form))
    except LooplineError as error:
        if error.kind in ("not-signed-in", gone):
            raise
        return await again(request, problem=expected(error, about="a form"), typed=form)


async def render(
    request: Request,
    template: str,
    *,
    title: str,
    section: str | None = None,
    asked: Asked | None = None,
    crumbs: Iterable[tuple[str, str]] = (),
    status: int = 200,
    **values: Any,
) -> Response:
    """Write a page. `crumbs` are (text, address) of what it stands in; `values` are the template's own."""
    frame = await _frame(request)
    project, now = frame["project"], frame["now"]
    zone = zone_of(request)
    frame |= {
        "title": title,
        "section": section,
        "crumbs": tuple(crumbs),
        "command": asked.command("" if project == frame["home"] else project) if asked else "",
        "json": asked.json(project) if asked else "",
        "at": lambda *parts, **query: address(project, *parts, **query),
        "when": lambda then, full=False: words.when(then, now=now, zone=zone, full=full),
    }
    body = environment().get_template(template).render({**frame, **values})
    written = body.encode("utf-8", "replace")  # half a surrogate pair has no bytes
    if len(written) < LEAST or not packs(request.headers):
        return HTMLResponse(written, status, HEADERS)
    return HTMLResponse(packed(written), status, {**HEADERS, "Content-Encoding": "gzip"})


async def error_page(request: Request, error: LooplineError) -> Response:
    """Draw an error. Somebody whom the server does not know is led to the login, and back afterwards."""
    if error.kind == "not-signed-in":
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': back}, quote_via=quote)}", 303, HEADERS)
    title = _TITLES.get(type(error).__name__, "Something went wrong")
    response = await render(request, "error.html", title=title, status=status_of(error), error=error)
    response.headers.update(headers_of(error))
    return response


@shown
async def home(request: Request) -> Response:
    """Lead to the server's own project. Its name is not for strangers."""
    caller_of(request)
    return see_other(address(project_of(request)))


@taking(WHATEVER)
async def nowhere(request: Request) -> Response:
    """Say that no page has this address, to whom it would be told of one."""
    caller_of(request)
    raise NotFound(
        "no page has this address", kind="no-page", hint="begin at the overview", path=request.url.path,
    )  # fmt: skip


async def _frame(request: Request) -> dict[str, Any]:
    """Give what stands around every page."""
    desk: Desk = request.app.state.desk
    caller: Caller | None = request.scope.get("loopline.caller")
    project = project_of(request)
    if "project" not in request.path_params and not (caller and _may(caller, project)):
        project = ""  # its name is not for everybody
    projects, seq = await act(request, _around, desk, caller, project) if caller and project else ([], 0)
    return {
        "home": desk.loop.project,
        "project": project,
        "projects": sorted({*projects, project}) if caller and project else [],
        "sections": SECTIONS,
        "caller": caller,
        "csrf_token": masked(caller.csrf, desk.loop.ids.chance(len(caller.csrf))) if caller and caller.csrf else "",
        "path": request.url.path,
        "query": request.query_params,
        "now": desk.loop.clock.now(),
        "seq": seq,
    }


def _around(desk: Desk, caller: Caller, project: str) -> tuple[list[str], int]:
    """Give the projects that somebody may look at (of the others not even the names are told), and the last event of this one."""
    with desk.loop.ledger.read() as tx:
        every, seq = tx.projects.list(), tx.feed.head(project).seq if _may(caller, project) else 0
    return [name for name in every if _may(caller, name)], seq


def _may(caller: Caller, project: str) -> bool:
    try:
        allowed(caller, BY_NAME["find"], project=project)
    except LooplineError:
        return False
    return True


@cache
def environment() -> Environment:
    """Make the templates ready, once: imported by the first page, not by the start of the server."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("loopline.faces.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters |= {
        "span": words.span, "size": words.size, "number": words.number, "signed": words.signed, "who": words.who, "brief": brief,
        "tone": words.tone, "breaks": words.breaks,
    }  # fmt: skip
    made.tests["sliced"] = lambda name: "[" in name  # a metric of a slice: roc_auc[carrier=UA]
    made.globals |= {"plural": words.plural, "static": lambda name: statics().url(name)}
    return made


_TITLES: Mapping[str, str] = {
    "Invalid": "That makes no sense as it stands",
    "NotFound": "Nothing has that name",
    "Conflict": "Somebody was faster",
    "Refused": "You may not do that",
    "Unavailable": "Something does not answer",
}
