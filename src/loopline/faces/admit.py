"""admit: the one door. Who is not allowed gets an error here, and nothing further on can be reached without passing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.access.allow import allowed
from loopline.errors import Refused
from loopline.loop import Loop
from loopline.nouns.caller import Caller

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.verbs import Verb


def caller_of(request: Request) -> Caller:
    """Give who asks, as `server/auth.py` has made sure of them. Raise Refused kind="not-signed-in" (401)."""
    caller: Caller | None = request.scope.get("loopline.caller")
    if caller is None:
        raise unknown()
    return caller


def unknown() -> Refused:
    """Say that somebody must sign in first."""
    return Refused("this server does not know you", kind="not-signed-in", hint="loopline login, or set LOOPLINE_TOKEN")


def admit(request: Request, verb: Verb, *, project: str, assets: Iterable[str] = ()) -> Loop:
    """Give the loop as this request's caller sees it, for one verb on the named assets (`kind/name`) of a project.

    Raise Refused kind="not-signed-in" or "not-allowed", which say nothing about what is there.
    """
    caller = caller_of(request)
    allowed(caller, verb, project=project, assets=assets)
    desk: Desk = request.app.state.desk
    return replace(desk.loop, project=project, actor=caller.actor, caller=caller)
