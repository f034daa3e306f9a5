"""following: work that a server does, watched from here until it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.errors import Conflict, Invalid, LooplineError, Unavailable
from loopline.nouns.ids import brief
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState
from loopline.sdk.wire import Answer, Pace, error_of
from loopline.verbs.plain import restore

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from loopline.sdk.remote import Remote

PATIENT: Final = Pace(tries=200, pause=0.25, patience=600.0)
"""Work goes on while nobody looks: a server that is restarted is waited for."""
SILENCE_S: Final = 45.0
"""A stream that does not even beat for so long is dead. The server beats every 15 s."""


class Message(NamedTuple):
    """One message of a stream of events (WHATWG HTML, §9.2)."""

    event: str
    data: str
    id: str = ""


def follow(client: Remote, told: Any) -> Any:
    """Watch a task to its end, give its progress to `client.report`, and give what it gave, in plain form.

    Raise what the work raised, Conflict kind="task-cancelled" where somebody stopped it. Ctrl-C stops it and is raised again
    with the way to go on as its note.
    """
    task = _read(client, told)
    try:
        task = _end_of(client, task)
    except KeyboardInterrupt as stopped:
        stopped.add_note(_stop(client, task))
        raise
    except Unavailable as error:
        if error.kind == "server-unreachable":
            error.hint = f"the work goes on there; see loopline find tasks ({brief(task.id)}). {error.hint}"
        raise
    if task.state is not TaskState.DONE:
        raise _failure(task)
    return task.result


def messages(lines: Iterator[bytes]) -> Iterator[Message]:
    """Give the messages of a stream as they come; comments keep it alive and say nothing."""
    event, data, name = "message", list[str](), ""
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        if not line:
            if data:
                yield Message(event, "\n".join(data), name)
            event, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id":
                name = value


def _end_of(client: Remote, task: Task) -> Task:
    from urllib3.exceptions import HTTPError

    patient = client.paced(PATIENT)
    lost = 0
    while not task.state.over:
        try:
            for message in _stream(patient, f"/api/v1/tasks/{task.id}/events"):
                lost = 0
                if message.event == "progress":
                    client.report(_progress(message.data))
                elif message.event == "task":
                    task = _read(client, _json(message.data))
                    break
        except HTTPError:
            pass
        if task.state.over:
            break
        lost += 1
        time.sleep(patient.wire.pause(min(lost, 5)))
        answer = patient.wire.ask("GET", f"/api/v1/tasks/{task.id}", headers=client.headers())
        said = answer.json
        if not isinstance(said, dict):
            raise client.wire.stranger(answer)
        task = _read(client, said.get("result", said.get("task", said)))
        for one in task.progress:
            client.report(one)
    return task


def _stream(client: Remote, path: str) -> Iterator[Message]:
    """Read a stream of events. One that the server does not give now ends at once."""
    wire = client.wire
    headers = {**client.headers(), "Accept": "text/event-stream"}
    with wire.open("GET", wire.target(path), headers=headers, silence=SILENCE_S) as response:
        if response.status != 200:
            answer = Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
            if answer.status < 500 and answer.status != 429:
                raise wire.problem_of(answer)
            return
        yield from messages(_lines(_arriving(response)))


def _arriving(response: BaseHTTPResponse) -> Iterator[bytes]:
    """Give bytes as soon as they come, however the stream is framed."""
    while chunk := response.read1(1 << 14):
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        yield from whole


def _stop(client: Remote, task: Task) -> str:
    """Ask the server to stop, and say how to come back: to the run, if one has begun."""
    try:
        client.do("cancel", task.id)
        if task.verb != "run":
            return "loopline find tasks"
        run = next((one.id for one in client.do("find", "runs", f"tags.task = '{task.id}'")), "")
    except (LooplineError, KeyboardInterrupt) as error:
        said = error.message if isinstance(error, LooplineError) else "interrupted again"
        return f"the server may go on ({said}): loopline cancel {brief(task.id)}"
    return f"loopline run --resume {brief(run)}" if run else "loopline find runs"


def _failure(task: Task) -> LooplineError:
    if task.state is TaskState.CANCELLED:
        return Conflict(
            f"{task.verb} was cancelled", kind="task-cancelled", hint="loopline find tasks tells by whom; ask again to redo it",
            task=task.id,
        )  # fmt: skip
    error = error_of(task.error or {"detail": f"{task.verb} failed and nobody knows why", "kind": "task-failed"})
    error.facts.setdefault("task", task.id)
    return error


def _read(client: Remote, told: Any) -> Task:
    try:
        task: Task = restore(Task, told, project=client.project)
    except Invalid as error:
        raise Unavailable(
            f"{client.wire.url} tells of a task in words that this version does not know: {error.message}",
            kind="other-version", hint="have the same version here and there: loopline doctor", url=client.wire.url,
        ) from error  # fmt: skip
    return task


def _progress(text: str) -> Progress:
    found = _json(text)
    return Progress(
        str(found.get("label", "")), int(found.get("done", 0)), found.get("total"), str(found.get("unit", ""))
    )


def _json(text: str) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
