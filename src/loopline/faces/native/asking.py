"""asking: one address for every verb, /api/v1/<verb>."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from loopline.faces.admit import admit, caller_of
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.problem import encoded, expected, no_page, refuse_method, reply
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.verbs import Verb
from loopline.verbs.plain import plain
from loopline.verbs.touching import named, touched
from loopline.verbs.usage import Usage, read

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from loopline.faces.desk import Desk

Answering = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """An address as an ASGI app: a function for each method, and a problem for whatever goes wrong."""

    def __init__(self, **methods: Answering) -> None:
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        try:
            answering = self._methods.get(request.method)
            if answering is None:
                raise refuse_method(request.method, self._methods)
            response = await answering(request)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 (whatever it was, the client gets a problem and the log the rest)
            response = reply(expected(error, about=f"{request.method} {scope['path']!r}"))
        await response(scope, receive, send)


async def nothing(request: Request) -> Response:
    """Answer for an address where nothing is."""
    caller_of(request)
    raise no_page(request.url.path)


async def asked(request: Request) -> Response:
    """Answer what a verb was asked: a read by GET, anything else by POST."""
    caller_of(request)
    verb = wire.verb_of(request.path_params["verb"])
    allowed = ("GET", "HEAD") if verb.cls == "read" else ("POST",)
    if request.method not in allowed:
        raise refuse_method(request.method, allowed)
    pairs = wire.query_of(request)
    project = wire.project_of(request, pairs)
    if verb.cls == "read":
        words = wire.read_words(wire.usage_for(verb.name), pairs)
        return await act(request, _read, request, verb, project, words)
    _only_project(verb, pairs)
    body = dict(await wire.body_of(request, limit=wire.LARGEST_LOG if verb.name == "log" else wire.LARGEST))
    return await act(request, _write, request, verb, project, body)


def admitted(request: Request, verb: Verb, project: str, typed: dict[str, Any]) -> Loop:
    """Give the loop for a verb with its typed words, held against every project and asset that they name."""
    loop = admit(request, verb, project=project)
    caller = caller_of(request)
    if caller.open:
        return loop
    narrowed = any(scope.assets != "*" for scope in caller.scopes)
    about = touched(loop, verb.name, typed) if narrowed else named(loop, verb.name, typed)
    for home in sorted({home for home, _ in about}):
        admit(request, verb, project=home, assets=sorted(asset for where, asset in about if where == home))
    return loop


def _read(request: Request, verb: Verb, project: str, words: dict[str, Any]) -> Response:
    usage = wire.usage_for(verb.name)
    typed = read(usage, words, project=project)
    loop = admitted(request, verb, project, typed)
    result = usage.function(loop, **typed)
    body = {"result": plain(result, project=project)}
    return json(encoded(body))


def _write(request: Request, verb: Verb, project: str, words: dict[str, Any]) -> Response:
    usage = wire.usage_for(verb.name)
    typed = read(usage, words, project=project)
    loop = admitted(request, verb, project, typed)
    if wire.dry_of(request):
        loop = rehearsal(loop)
    status, body = carried_out(loop, usage, typed)
    return json(body, status)


def carried_out(loop: Loop, usage: Usage, typed: dict[str, Any]) -> tuple[int, bytes]:
    """Carry a write out and give the answer."""
    return 200, encoded({"result": plain(usage.function(loop, **typed), project=loop.project)})


def rehearsal(loop: Loop) -> Loop:
    """Give a loop whose transactions are rolled back at their end."""
    return replace(loop, ledger=Ledger(loop.ledger.database, clock=loop.clock, dry=True))


def json(body: bytes, status: int = 200, **headers: str) -> Response:
    """Give an answer that nobody stores and no browser guesses about."""
    fields = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body, status, headers=fields, media_type=wire.JSON)


def desk_of(request: Request) -> Desk:
    """Give the desk of the app that a request came to."""
    desk: Desk = request.app.state.desk
    return desk


def _only_project(verb: Verb, pairs: list[tuple[str, str]]) -> None:
    from loopline.errors import Invalid

    strange = next((name for name, _ in pairs if name != "project"), None)
    if strange is not None:
        raise Invalid(
            f"{verb.name} takes its parameters in the body", kind="unknown-parameter", hint="send them as a JSON object",
            name=strange[:100],
        )  # fmt: skip
