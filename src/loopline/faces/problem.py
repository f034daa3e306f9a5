"""problem: an error as HTTP says it, by RFC 9457. The one table of statuses that every face looks into.

A *problem* is `{"title", "status", "detail", "kind", "hint", "facts"}` as `application/problem+json`: the class of the error, its
message, and what else it carries. What nobody expected becomes a 500 with an id that the server's log has, too: no
traceback and no message of foreign code reaches a client.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from secrets import token_hex
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 (Starlette reads the annotations of handlers)
from starlette.responses import Response

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.status import status_of
from loopline.verbs.plain import plain

MEDIA_TYPE: Final = "application/problem+json"
_WAIT: Final = "5"
_log = logging.getLogger("loopline.server")


class Unexpected(LooplineError):  # noqa: N818 (it is a page about a defect, and nobody raises it)
    """A defect of the server: 500."""


def problem_of(error: LooplineError, *, project: str | None = None) -> dict[str, Any]:
    """Give the members of the problem document."""
    return {
        "title": type(error).__name__,
        "status": status_of(error),
        "detail": error.message,
        "kind": error.kind,
        "hint": error.hint,
        "facts": {name: _fact(value, project) for name, value in error.facts.items()},
    }


def headers_of(error: LooplineError) -> dict[str, str]:
    """Give the header fields that a status asks for."""
    match status_of(error):
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="loopline"'}
        case 405:
            return {"Allow": ", ".join(error.facts.get("allowed", ()))}
        case 416:
            return {"Content-Range": f"bytes */{error.facts.get('size', '*')}"}
        case 429:
            return {"Retry-After": str(error.facts.get("wait", _WAIT))}
        case 503:
            return {"Retry-After": _WAIT}
    return {}


def reply(error: LooplineError, *, project: str | None = None) -> Response:
    """Answer with a problem."""
    body = encoded(problem_of(error, project=project))
    return Response(body, status_of(error), headers=_common(error), media_type=MEDIA_TYPE)


def expected(error: BaseException, *, about: str = "") -> LooplineError:
    """Give any exception as an error of ours. What nobody expected is written to the log under the id that it gets here."""
    if isinstance(error, LooplineError):
        return error
    name = token_hex(6)
    _log.error("%s failed, error %s", about or "a request", name, exc_info=error)
    return Unexpected(
        "the server has a defect", kind="defect", hint=f"tell its admin: error {name} in the server's log", error=name
    )


def refuse_method(method: str, allowed: Iterable[str]) -> Invalid:
    """Say which methods a path knows."""
    known = tuple(allowed)
    return Invalid(
        f"{method[:20]} is not for this address", kind="method-not-allowed", hint=f"use {' or '.join(known)}", allowed=known
    )  # fmt: skip


def no_page(path: str) -> NotFound:
    """Say that nothing lives at an address."""
    return NotFound(
        "there is nothing at this address", kind="no-page", hint="see /api/v1/openapi.json", path=path[:200]
    )


async def on_error(request: Request, error: Exception) -> Response:
    """Handle what a route raised: for Starlette's table of exception handlers, with `Exception` and `HTTPException`."""
    if isinstance(error, HTTPException):
        return reply(_of_http(error, request))
    return reply(expected(error, about=f"{request.method} {request.url.path!r}"))


def encoded(value: Any) -> bytes:
    """Write plain values as JSON. Text that no encoding can carry (half a surrogate pair) loses what cannot be carried."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_carried(value))


def _of_http(error: HTTPException, request: Request) -> LooplineError:
    if error.status_code == 404:
        return no_page(request.url.path)
    if error.status_code == 405:
        return refuse_method(request.method, (error.headers or {}).get("Allow", "GET").split(", "))
    return Invalid(str(error.detail), kind="bad-request", hint="see /api/v1/openapi.json")


def _common(error: LooplineError) -> dict[str, str]:
    return headers_of(error) | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _fact(value: Any, project: str | None) -> Any:
    try:
        return plain(value, project=project)
    except TypeError:
        return str(value)


def _carried(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_carried(key): _carried(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_carried(one) for one in value]
    return value
