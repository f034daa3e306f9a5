from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState
from loopline.verbs.asking import ask

from .live import Listener, listening

if TYPE_CHECKING:
    import httpx

    from loopline.nouns.token import Role

    from .conftest import Face

pytestmark = pytest.mark.slow
LONG = 60_000_000


def queued(face: Face) -> str:
    """Ask for some work."""
    task: str = face.post("/verify", {}).json()["task"]["id"]
    return task


def claimed(face: Face) -> Task:
    """Take it as a worker does."""
    with face.loop.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "w1", lasting=LONG)
    assert task
    return task


def work(face: Face, *, labels: int = 3) -> None:
    """Do it, reporting how far it is."""
    task = claimed(face)
    for done in range(1, labels + 1):
        time.sleep(0.4)
        with face.loop.ledger.telemetry() as tables:
            tables.tasks.report(task.id, task.fence, [Progress("verify", done, labels, "versions")])
    time.sleep(0.4)
    with face.loop.ledger.telemetry() as tables:
        tables.tasks.end(task.id, task.fence, TaskState.DONE, result=[])


def test_progress_is_told_until_the_end(face: Face) -> None:
    """Each report comes once, the whole task at the end, and then the stream is over."""
    task = queued(face)
    with listening(face) as port:
        listeners = [Listener(port, f"/tasks/{task}/events") for _ in range(3)]
        thread = threading.Thread(target=work, args=(face,))
        thread.start()
        for listener in listeners:
            got = listener.messages(10)
            assert [(one["event"], one["data"].get("done")) for one in got] == [
                ("progress", 1), ("progress", 2), ("progress", 3), ("task", None),
            ]  # fmt: skip
            assert got[-1]["data"]["state"] == "done"
            assert got[-1]["data"]["result"] == []
            listener.close()
        thread.join()


def test_a_task_that_is_over_is_told_at_once(face: Face) -> None:
    """Who asks late gets the last progress and the task, and no stream that stays open."""
    task = queued(face)
    work(face, labels=1)
    with listening(face) as port:
        listener = Listener(port, f"/tasks/{task}/events")
        assert [one["event"] for one in listener.messages(5)] == ["progress", "task"]
        listener.close()


@pytest.mark.parametrize("roles", [{"secret": "viewer"}, {"secret": "viewer", "flights": "viewer"}, {}])
@pytest.mark.parametrize("query", ["", "?project=secret", "?project=flights", "?project=hidden"])
def test_a_task_that_one_may_not_read_is_not_there(face: Face, roles: dict[str, Role], query: str) -> None:
    """Whole answers are compared: a task of a closed project is answered to the letter as one that there is not."""
    task = ask(replace(face.loop, project="hidden"), "verify", {}).id
    face.caller = Caller(Actor("person", "eve", verified=True), roles)
    for end in ("", "/events"):
        there, missing = (face.get(f"/tasks/{name}{end}{query}") for name in (task, "0" * 32))
        assert there.status_code in (403, 404)
        assert told(there, task) == told(missing, "0" * 32)
        assert "hidden" not in there.text or "hidden" in query


def test_a_task_is_its_projects(face: Face) -> None:
    """Who may read the project sees it, under that project's name or none; under another's it is not there."""
    task = queued(face)
    face.caller = Caller(Actor("person", "eve", verified=True), {"flights": "viewer", "secret": "viewer"})
    for query in ("", "?project=flights"):
        assert face.get(f"/tasks/{task}{query}").json()["result"]["id"] == task
    there, missing = (face.get(f"/tasks/{name}?project=secret") for name in (task, "0" * 32))
    assert there.status_code == 404
    assert told(there, task) == told(missing, "0" * 32)


def told(answer: httpx.Response, name: str) -> tuple[int, dict[str, str], str]:
    """Give all of an answer, but for the id that was asked for."""
    return answer.status_code, dict(answer.headers), answer.text.replace(name, "…")


def test_work_that_begins_a_run_says_which(face: Face) -> None:
    """The 202 has the run's id, the task has it, and so has the list; work that begins none or several has none."""
    answer = face.post("/reproduce", {"run": "0123"}).json()
    run, task = answer["run"], answer["task"]
    assert len(run) == 32
    assert task["run"] == run
    assert face.get(f"/tasks/{task['id']}").json()["result"]["run"] == run
    assert [one["run"] for one in face.get("/find?what=tasks").json()["result"]] == [run]
    for verb, words in (("verify", {}), ("check", {"change": "0123"}), ("run", {"pipeline": "train", "plan": True})):
        answer = face.post(f"/{verb}", words).json()
        assert (answer["run"], answer["task"]["run"]) == (None, None)


def test_a_list_of_tasks_tells_how_far_they_are(face: Face) -> None:
    """A page of tasks has each one's progress."""
    queued(face)
    task = claimed(face)
    with face.loop.ledger.telemetry() as tables:
        tables.tasks.report(task.id, task.fence, [Progress("verify", 1, 3, "versions")])
    (found,) = face.get("/find?what=tasks").json()["result"]
    assert found["progress"] == [{"label": "verify", "done": 1, "total": 3, "unit": "versions"}]
