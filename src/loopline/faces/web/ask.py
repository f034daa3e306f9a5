"""ask: verbs asked by a page in the words of its address or its form, through the same door as over the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from loopline.access.allow import allowed
from loopline.errors import LooplineError
from loopline.faces.admit import caller_of
from loopline.faces.desk import act
from loopline.faces.native.door import admitted
from loopline.faces.native.wire import usage_for
from loopline.faces.web.page import project_of
from loopline.verbs import BY_NAME
from loopline.verbs.asking import ask as enqueue
from loopline.verbs.holding import claimed
from loopline.verbs.lacking import telling
from loopline.verbs.plain import plain
from loopline.verbs.usage import read

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.nouns.task import Task


async def ask(request: Request, verb: str, /, **words: Any) -> Any:
    """Ask a verb; words are text, or values in plain form. Every project and asset that they name is held against the caller.

    Raise what the verb raises, Refused at the door, Invalid for words that make no sense.
    """
    found = await act(request, _asked, request, verb, words)
    if BY_NAME[verb].cls != "read":
        desk: Desk = request.app.state.desk
        desk.bell.ring()
    return found


async def try_to(request: Request, verb: str, /, **words: Any) -> tuple[Any, LooplineError | None]:
    """Ask a verb for a part of a page that can do without: what went wrong stands in its place."""
    try:
        return await ask(request, verb, **words), None
    except LooplineError as error:
        return None, error


async def queue(request: Request, verb: str, /, **words: Any) -> Task:
    """Put work into its queue, for a worker to do."""
    task = await act(request, _queued, request, verb, words)
    desk: Desk = request.app.state.desk
    desk.bell.ring()
    return task


def why_not(request: Request, verb: str, *, assets: Iterable[str] = ()) -> str:
    """Say why whoever looks at the page may not ask a verb; empty where they may."""
    try:
        allowed(caller_of(request), BY_NAME[verb], project=project_of(request), assets=assets)
    except LooplineError as error:
        return error.message
    return ""


def first_of(form: Mapping[str, list[str]], name: str) -> str:
    """Give a field of a form, with the line breaks that everybody else uses; empty where it is missing."""
    return (form.get(name) or [""])[0].replace("\r\n", "\n").strip()


def _asked(request: Request, name: str, words: Mapping[str, Any]) -> Any:
    usage = usage_for(name)
    typed = read(usage, words, project=project_of(request))
    loop = admitted(request, BY_NAME[name], project_of(request), typed)
    claimed(loop, typed)
    with telling(loop):
        return usage.function(loop, **typed)


def _queued(request: Request, name: str, words: Mapping[str, Any]) -> Task:
    project = project_of(request)
    typed = read(usage_for(name), words, project=project)
    loop = admitted(request, BY_NAME[name], project, typed)
    claimed(loop, typed)
    return enqueue(loop, name, {key: plain(value, project=project) for key, value in typed.items()})
