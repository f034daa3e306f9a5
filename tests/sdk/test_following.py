"""Work that a server does is watched from here, whatever becomes of the connection."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Conflict, Refused
from loopline.nouns.finding import Finding
from loopline.nouns.progress import Progress
from loopline.sdk.following import Message, messages
from loopline.sdk.remote import Remote
from loopline.sdk.wire import Pace
from tests.sdk.scripted import Heard, Say, problem, result, scripted

FAST = Pace(tries=4, pause=0.01, patience=5.0, connect=1.0, read=1.0)
ID = "01" * 16
FOUND = {"name": "feed", "state": "ok", "text": "3 events", "fix": "", "touches": []}


def task(state: str, **more: Any) -> dict[str, Any]:
    """A task of `verify` in plain form."""
    return {"id": ID, "project": "flights", "verb": "verify", "actor": "person:ann", "state": state, **more}


def accepted(told: dict[str, Any]) -> Say:
    """The answer to a request for work."""
    body = json.dumps({"task": told, "run": None}).encode()
    return Say(202, body, {"Content-Type": "application/json", "Location": f"/api/v1/tasks/{ID}"})


def stream(*told: tuple[str, Any], cut: int | None = None) -> Say:
    """A stream of events."""
    body = ": beat\n\n" + "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in told)
    return Say(200, body.encode(), {"Content-Type": "text/event-stream"}, cut=cut)


def served(events: list[Say], state: Callable[[], dict[str, Any]]) -> Callable[[Heard], Say]:
    """A server that has one task: each call of its events takes the next of `events`; the last stays."""

    def answer(heard: Heard) -> Say:
        if heard.method == "POST":
            return accepted(task("queued")) if heard.path.endswith("/verify") else result(task("cancelled"))
        if heard.path.endswith("/events"):
            return events.pop(0) if len(events) > 1 else events[0]
        return result(state())

    return answer


def client(url: str, tmp_path: Path, report: list[Progress]) -> Remote:
    """A client of that server."""
    return Remote(url, "", "flights", "person:ann", work=tmp_path, pace=FAST, report=report.append)


def test_progress_and_result_come_over_the_stream(tmp_path: Path) -> None:
    """Each report of the work reaches the caller's report, and the result is made of nouns."""
    seen: list[Progress] = []
    end = task("done", result=[FOUND])
    told = stream(("progress", {"label": "verify", "done": 1, "total": 3, "unit": "versions"}), ("task", end))
    with scripted(served([told], lambda: end)) as server:
        assert client(server.url, tmp_path, seen).do("verify") == (Finding("feed", "ok", "3 events"),)
        assert seen == [Progress("verify", 1, 3, "versions")]
        assert [(one.method, one.path) for one in server.heard] == [
            ("POST", "/api/v1/verify"),
            ("GET", f"/api/v1/tasks/{ID}/events"),
        ]


@pytest.mark.parametrize(
    "broken", [Say(cut=-1), stream(cut=80), Say(503, b""), stream()], ids=["reset", "cut", "503", "empty"]
)
def test_a_stream_that_breaks_is_begun_again(tmp_path: Path, broken: Say) -> None:
    """After a break the task is read, and where it goes on the stream is begun again."""
    end = task("done", result=[FOUND])
    going = task("running", progress=[{"label": "verify", "done": 2, "total": 3, "unit": "versions"}])
    seen: list[Progress] = []
    with scripted(served([broken, broken, stream(("task", end))], lambda: going)) as server:
        assert client(server.url, tmp_path, seen).do("verify") == (Finding("feed", "ok", "3 events"),)
        assert [one.path.rpartition("/")[2] for one in server.heard] == ["verify", "events", ID, "events", ID, "events"]
    assert seen == [Progress("verify", 2, 3, "versions")] * 2


def test_work_that_ended_while_nobody_looked(tmp_path: Path) -> None:
    """A stream that never works is no obstacle: the task itself says how it ended."""
    states = [task("running"), task("running"), task("done", result=[FOUND])]
    with scripted(served([Say(cut=-1)], lambda: states.pop(0))) as server:
        assert client(server.url, tmp_path, []).do("verify")[0].text == "3 events"


def test_work_that_fails_raises_what_it_raised(tmp_path: Path) -> None:
    """The error of the work keeps its class, kind, hint and facts, and names the task."""
    error = {"class": "Refused", "kind": "quarantined", "message": "no", "hint": "h", "facts": {"version": "data/x@1"}}
    with (
        scripted(served([stream(("task", task("failed", error=error)))], dict)) as server,
        pytest.raises(Refused) as caught,
    ):
        client(server.url, tmp_path, []).do("verify")
    assert (caught.value.kind, caught.value.facts) == ("quarantined", {"version": "data/x@1", "task": ID})


def test_work_that_somebody_cancelled(tmp_path: Path) -> None:
    """A task that was cancelled by somebody else is told as that."""
    with scripted(served([stream(("task", task("cancelled")))], dict)) as server, pytest.raises(Conflict) as caught:
        client(server.url, tmp_path, []).do("verify")
    assert caught.value.kind == "task-cancelled"


def test_a_server_that_refuses_the_stream(tmp_path: Path) -> None:
    """A token that was revoked meanwhile ends the watching with what the server says."""
    gone = problem("Refused", 401, "not-signed-in")
    with scripted(served([gone], dict)) as server, pytest.raises(Refused) as caught:
        client(server.url, tmp_path, []).do("verify")
    assert caught.value.kind == "not-signed-in"


def test_an_interrupt_asks_the_server_to_stop(tmp_path: Path) -> None:
    """Ctrl-C sends `cancel` for the task and is raised again with a note."""
    with scripted(served([Say(hang=30)], lambda: task("running"))) as server:
        one = client(server.url, tmp_path, [])

        def interrupt() -> None:
            while not any(heard.path.endswith("/events") for heard in server.heard):
                threading.Event().wait(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt) as caught:
            one.do("verify")
        assert caught.value.__notes__
        asked = [heard for heard in server.heard if heard.path == "/api/v1/cancel"]
        assert [heard.json for heard in asked] == [{"task": ID}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_messages_of_a_stream(end: str) -> None:
    """Comments say nothing, data of several lines are joined, an unfinished message is none."""
    text = f": beat{end}{end}id: 7{end}event: run.started{end}data: a{end}data: b{end}{end}data:c{end}{end}data: never"
    lines = text.replace("\r\n", "\n").encode().split(b"\n")[:-1]
    assert list(messages(iter(lines))) == [Message("run.started", "a\nb", "7"), Message("message", "c", "7")]
