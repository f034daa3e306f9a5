"""tasks: work that a worker does, /api/v1/tasks/<id>, and how far it is, as a stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import NotFound, Refused
from loopline.faces.admit import admit
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.native.answers import json
from loopline.faces.native.door import Welcome
from loopline.faces.native.stream import BEAT, BEAT_S, HELLO, Stream, message
from loopline.faces.problem import encoded
from loopline.ledger.replies import Reply
from loopline.verbs import Verb
from loopline.verbs.asking import ask
from loopline.verbs.plain import plain

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.desk import Desk
    from loopline.loop import Loop
    from loopline.nouns.task import Task

LOOK_S: Final = 0.25
"""Seconds between two looks at a task that somebody watches."""
TASKS: Final = Verb("tasks", "read", "runs", "Tell how far work is.")


def queued(loop: Loop, verb: Verb, typed: Mapping[str, Any], *, queue: str) -> Reply:
    """Put work into a queue and answer 202 with the task, and with the run that it begins, if that is one."""
    words = {name: plain(value, project=loop.project) for name, value in typed.items()}
    task = ask(loop, verb.name, words, queue=queue)
    return Reply(202, encoded({"task": plain(task, project=loop.project), "run": task.run}).decode())


async def get(request: Request) -> Response:
    """Tell of a task."""
    _, task = await act(request, _found, request)
    return json(encoded({"result": plain(task, project=task.project)}))


async def events(request: Request) -> Response:
    """Tell of a task until it is over: `progress` for each label that goes on, `task` at the end, whole."""
    _, task = await act(request, _found, request)
    return Stream(_told(request, task, Welcome(request, TASKS, task.project)))


async def _told(request: Request, task: Task, welcome: Welcome) -> AsyncIterator[bytes]:
    desk: Desk = request.app.state.desk
    yield HELLO
    said: dict[str, Any] = {}
    last = time.monotonic()
    while True:
        fresh = [one for one in task.progress if said.get(one.label) != one]
        said |= {one.label: one for one in fresh}
        if fresh:
            yield b"".join(message("progress", plain(one)) for one in fresh)
            last = time.monotonic()
        if task.state.over:
            yield message("task", plain(task, project=task.project))
            return
        if time.monotonic() - last >= BEAT_S:
            yield BEAT
            last = time.monotonic()
        await desk.bell.wait(LOOK_S)
        if not await welcome.still():
            return
        task = await _looked(request, task.id)


async def _looked(request: Request, task: str) -> Task:
    """Read a task; whoever else watches it at this moment shares the look."""
    state = request.app.state
    if not hasattr(state, "looks"):
        state.looks = {}
    looks: dict[str, asyncio.Future[Task]] = state.looks
    found = looks.get(task)
    if found is None:
        found = looks[task] = asyncio.ensure_future(act(request, _read, request, task))
        found.add_done_callback(lambda _: looks.pop(task, None))
    return await asyncio.shield(found)


def _read(request: Request, task: str) -> Task:
    desk: Desk = request.app.state.desk
    with desk.loop.ledger.read() as tx:
        return tx.tasks.get(task)


def _found(request: Request) -> tuple[Loop, Task]:
    """Find a task by its whole id, in the project that it is of.

    Who may not read that project gets the very answer that they would get if there were no such task.
    """
    pairs = wire.query_of(request)
    wire.only(pairs, "project")
    named = wire.project_of(request, pairs) if pairs else None
    name = request.path_params["task"]
    desk: Desk = request.app.state.desk
    with desk.loop.ledger.read() as tx:
        task = tx.tasks.find(name)
    if task is not None and named in (None, task.project):
        with suppress(Refused):
            return admit(request, TASKS, project=task.project, assets=("*",)), task
    admit(request, TASKS, project=named or desk.loop.project, assets=("*",))
    raise NotFound(f"there is no task {name[:100]}", kind="no-task", hint="loopline find tasks", task=name[:100])
