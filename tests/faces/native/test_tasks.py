from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState

from .live import Listener, listening

if TYPE_CHECKING:
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


def test_a_task_is_its_projects(face: Face) -> None:
    """Who may not read the project is told nothing, and a task that is not there looks the same as one of another project."""
    from loopline.nouns.actor import Actor
    from loopline.nouns.caller import Caller

    task = queued(face)
    face.caller = Caller(Actor("person", "eve", verified=True), {"secret": "viewer"})
    for path in (f"/tasks/{task}", f"/tasks/{task}/events"):
        assert face.get(path).status_code == 403
        assert face.get(f"{path}?project=secret").status_code in (403, 404)
    assert face.get(f"/tasks/{'0' * 32}?project=secret").status_code == 404
