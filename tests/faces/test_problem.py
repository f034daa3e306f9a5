from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse  # noqa: TC002 (as in the handlers)
from starlette.routing import Route

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.faces.problem import encoded, expected, headers_of, on_error, problem_of, reply
from loopline.faces.status import status_of
from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from starlette.requests import Request


def error(cls: type[LooplineError], kind: str = "x", **facts: Any) -> LooplineError:
    """Make an error."""
    return cls("it went wrong", kind=kind, hint="mend it", **facts)


@pytest.mark.parametrize(
    ("cls", "kind", "status"),
    [
        (Invalid, "x", 400), (NotFound, "x", 404), (Conflict, "x", 409), (Refused, "x", 403), (Unavailable, "x", 503),
        (Refused, "not-signed-in", 401), (Unavailable, "disk-full", 507), (Invalid, "body-too-large", 413),
        (Invalid, "wrong-content-type", 415), (Invalid, "method-not-allowed", 405), (Invalid, "bad-range", 416),
    ],
)  # fmt: skip
def test_a_class_is_a_status_and_some_kinds_have_their_own(cls: type[LooplineError], kind: str, status: int) -> None:
    """What the caller does next decides the status; where HTTP has a word for a kind, that one."""
    assert status_of(error(cls, kind)) == status


def test_a_problem_says_everything() -> None:
    """Class, message, kind, hint and facts are members; facts are plain, whatever they are, and names leave their project out."""
    found = problem_of(
        error(Conflict, "ref-moved", ref=AssetName("p", "data", "x"), some={1, 2}, odd=float("nan"), alien=object),
        project="p",
    )
    assert (found["title"], found["status"], found["kind"], found["hint"]) == ("Conflict", 409, "ref-moved", "mend it")
    assert found["facts"] == {"ref": "data/x", "some": [1, 2], "odd": "NaN", "alien": "<class 'object'>"}
    assert json.loads(encoded(found)) == found


def test_statuses_bring_their_headers() -> None:
    """A 401 says how to sign in, a 405 what is allowed, a 416 how much there is, a 503 when to come back; none is stored."""
    assert headers_of(error(Refused, "not-signed-in"))["WWW-Authenticate"].startswith("Bearer")
    assert headers_of(error(Invalid, "method-not-allowed", allowed=("GET", "HEAD"))) == {"Allow": "GET, HEAD"}
    assert headers_of(error(Invalid, "bad-range", size=5)) == {"Content-Range": "bytes */5"}
    assert "Retry-After" in headers_of(error(Unavailable))
    answer = reply(error(NotFound))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_text_that_no_encoding_carries_is_still_an_answer() -> None:
    """Half a surrogate pair, as a file's name may hold, does not turn an answer into a defect."""
    assert json.loads(encoded({"a\udc80": ["x\ud800", {"y": "\udfff"}]})) == {"a?": ["x?", {"y": "?"}]}


def test_what_nobody_expected_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A defect is a 500 with an id; its message and traceback are in the log under that id, and nowhere else."""
    with caplog.at_level(logging.ERROR, logger="loopline.server"):
        try:
            raise ValueError("password=hunter2")
        except ValueError as caught:
            found = problem_of(expected(caught, about="GET /x"))
    assert (found["status"], found["kind"]) == (500, "defect")
    assert "hunter2" not in json.dumps(found)
    assert found["facts"]["error"] in caplog.text
    assert "hunter2" in caplog.text


async def broken(_: Request) -> PlainTextResponse:
    """Fail."""
    raise ZeroDivisionError


async def refused(_: Request) -> PlainTextResponse:
    """Refuse."""
    raise error(Refused)


async def teapot(_: Request) -> PlainTextResponse:
    """Say what HTTP has no error of ours for."""
    raise HTTPException(418, "short and stout")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "no-page"), ("POST", "/broken", 405, "method-not-allowed"), ("GET", "/broken", 500, "defect"),
        ("GET", "/refused", 403, "x"), ("GET", "/teapot", 400, "bad-request"),
    ],
)  # fmt: skip
def test_an_app_answers_with_problems_only(method: str, path: str, status: int, kind: str) -> None:
    """Whatever a route raises, and whatever Starlette raises by itself, is a problem."""
    handlers: Any = {HTTPException: on_error, LooplineError: on_error, Exception: on_error}
    app = Starlette(
        routes=[Route("/broken", broken), Route("/refused", refused), Route("/teapot", teapot)],
        exception_handlers=handlers,
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path)

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)
    assert answer.headers["content-type"] == "application/problem+json"
