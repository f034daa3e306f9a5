"""settings: who one is here, people, tokens, policies, subscriptions, work; each part by the verb that gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.access.roles import RANKS
from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.forms import form_of
from loopline.faces.problem import expected
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, try_to, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    Values = dict[str, Any]

TABS: Final = (
    ("You", ""), ("People", "people"), ("Tokens", "tokens"), ("Policies", "policies"), ("Subscriptions", "subscriptions"),
    ("Work", "work"), ("Server", "server"),
)  # fmt: skip
ASKED: Final = {
    "": Asked("whoami"), "people": Asked("about"), "tokens": Asked("find", {"what": "tokens"}), "policies": Asked("about"),
    "subscriptions": Asked("find", {"what": "subscriptions"}), "work": Asked("find", {"what": "tasks"}), "server": Asked("about"),
}  # fmt: skip
MANY: Final = 200


@shown
async def page(request: Request) -> Response:
    """Show one part."""
    return await _page(request, request.path_params.get("part", ""))


@shown
async def change(request: Request) -> Response:
    """Do what a form says; what goes wrong is told on the page."""
    form = await form_of(request)
    part = request.path_params.get("part", "")
    try:
        issued = await _do(request, part, form)
    except LooplineError as error:
        if error.kind == "not-signed-in":
            raise
        return await _page(request, part, problem=expected(error, about="a form"), typed=form)
    if issued is not None:  # a secret is shown once, and stands in no address and no cache
        answer = await _page(request, part, issued=issued)
        answer.headers["cache-control"] = "no-store"
        return answer
    return see_other(address(project_of(request), "settings", part))


async def _do(request: Request, part: str, form: Mapping[str, list[str]]) -> Any:
    """Do it, and give what must be shown at once: a token that was just issued."""
    said = {name: first_of(form, name) for name in form}
    match (part, said.get("do", "")):
        case "tokens", "issue":
            words: dict[str, Any] = {"name": said.get("name", ""), "expires": said.get("expires") or "90d"}
            words |= {key: said[key] for key in ("actor", "role") if said.get(key)}
            if said.get("scopes"):
                words["scopes"] = said["scopes"].split()
            return await ask(request, "issue", **words)
        case "tokens", "revoke":
            await ask(request, "revoke", token=said.get("token", ""))
        case "people", "grant" | "revoke":
            await ask(
                request, "grant", who=said.get("who", ""), role=said.get("role", ""), revoke=said["do"] == "revoke"
            )
        case "subscriptions", "subscribe":
            words = {"url": said.get("url", ""), "kinds": said.get("kinds", "").split() or ["*"]}
            words |= {key: said[key] for key in ("name", "format", "secret") if said.get(key)}
            await ask(request, "subscribe", **words)
        case "subscriptions", "unsubscribe" | "redeliver" as verb:
            await ask(request, verb, name=said.get("name", ""))
        case "work", "cancel":
            await ask(request, "cancel", task=said.get("task", ""))
        case _:
            raise Invalid("settings know no such button", kind="bad-value", hint="use the buttons of the page")
    return None


async def _page(
    request: Request,
    part: str,
    *,
    problem: LooplineError | None = None,
    typed: Mapping[str, list[str]] | None = None,
    issued: Any = None,
) -> Response:
    if part not in ASKED:
        raise NotFound("no page has this address", kind="no-page", hint="begin at the settings", path=request.url.path)
    project = project_of(request)
    tabs = [(title, address(project, "settings", name), name == part, 0) for title, name in TABS]
    values = await _PARTS[part](request)
    verbs = ("grant", "issue", "revoke", "subscribe", "unsubscribe", "redeliver", "cancel", "policy")
    return await render(
        request, "settings.html", title="Settings", section="settings", asked=ASKED[part], tabs=tabs, part=part, problem=problem,
        typed=typed or {}, first_of=first_of, issued=issued, ranks=RANKS, status=status_of(problem) if problem else 200,
        why_not={verb: why_not(request, verb) for verb in verbs}, **values,
    )  # fmt: skip


async def _you(request: Request) -> Values:
    return {"identity": await ask(request, "whoami")}


async def _people(request: Request) -> Values:
    people, lacking = await try_to(request, "find", what="people", limit=MANY)
    return {"about": await ask(request, "about"), "people": people or (), "lacking": lacking}


async def _tokens(request: Request) -> Values:
    return {"tokens": await ask(request, "find", what="tokens", limit=MANY)}


async def _about(request: Request) -> Values:
    return {"about": await ask(request, "about")}


async def _subscriptions(request: Request) -> Values:
    dead, _ = await try_to(request, "find", what="deliveries", open=True, limit=50)
    return {
        "subscriptions": await ask(request, "find", what="subscriptions", limit=MANY),
        "dead": dead or (),
        "about": await ask(request, "about"),
    }


async def _work(request: Request) -> Values:
    return {"tasks": await ask(request, "find", what="tasks", limit=50), "about": await ask(request, "about")}


async def _server(request: Request) -> Values:
    from importlib.metadata import version

    desk = request.app.state.desk
    settings = getattr(request.app.state, "settings", None)
    facts = [
        ("Version", version("loopline")),
        ("Database", desk.loop.ledger.database.dialect),
        ("Default project", desk.loop.project),
        ("Largest upload", desk.upload_limit),
        ("Signs people in", "an OpenID provider" if settings and settings.oidc.issuer else "tokens"),
    ]
    return {"about": await ask(request, "about"), "server": facts}


_PARTS: Final[dict[str, Callable[[Request], Awaitable[Values]]]] = {
    "": _you, "people": _people, "tokens": _tokens, "policies": _about, "subscriptions": _subscriptions, "work": _work,
    "server": _server,
}  # fmt: skip
ROUTES = (
    Route("/p/{project}/settings", page, methods=["GET"], name="settings"),
    Route("/p/{project}/settings/{part}", page, methods=["GET"], name="settings-part"),
    Route("/p/{project}/settings/{part}", change, methods=["POST"], name="settings-change"),
)
