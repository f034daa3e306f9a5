"""Workers as real processes: what they do, give back, lose, and may not write any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.datasets.tree import build
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.run import RunState
from loopline.nouns.task import Task, TaskState
from loopline.settings import load_settings
from loopline.verbs.add import add
from loopline.verbs.asking import ask, lose
from loopline.verbs.cancel import cancel
from loopline.verbs.grant import grant
from loopline.verbs.permitting import roles_of
from loopline.wiring import open_loop
from tests.warm import run

from .running import descendants, lives, project, until, variables, with_pid, words_of, worker


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Give the loop of a project's folder."""
    project(tmp_path)
    made = open_loop(load_settings(tmp_path, environ={"USER": "ann"}))
    yield made
    made.ledger.close()


def seen(loop: Loop, task: Task, *states: TaskState, seconds: float = 20) -> Task:
    """Wait until a task is in one of some states: over, where none is named."""

    def found() -> Task | bool:
        with loop.ledger.read() as tx:
            now = tx.tasks.get(task.id)
        return (now.state in states or (not states and now.state.over)) and now

    return until(found, seconds)


def appeared(path: Path, *, seconds: float = 20) -> int:
    """Wait until a step has written its process number."""
    return int(until(lambda: path.exists() and path.read_text(), seconds))


def runs(loop: Loop) -> list[Any]:
    """Give every run, oldest first."""
    with loop.ledger.read() as tx:
        return tx.runs.search("r.project = ?", ["flights"], order="r.id", limit=100)


def test_a_task_is_done_as_who_asked(loop: Loop, tmp_path: Path) -> None:
    """The verb runs with the asker's actor, verified as it was; its result and progress are the task's, its runs carry its id."""
    mine = replace(loop, actor=replace(loop.actor, kind="token", name="ci", verified=True))
    task = ask(mine, "run", words_of(tmp_path, seconds="0"))
    with worker(tmp_path, "--once") as process:
        assert process.wait(60) == 0
    done = seen(loop, task)
    assert (done.state, done.error, done.attempts) == (TaskState.DONE, None, 1)
    assert done.result["run"]["state"] == "finished"
    assert done.result["run"]["actor"] == "token:ci"
    assert [(one.done, one.total) for one in done.progress] == [(2, 2)]
    assert {one.tags["task"] for one in runs(loop)} == {task.id}
    assert done.result["run"]["id"] == done.run == task.run
    with loop.ledger.read() as tx:
        events = tx.feed.list("flights")
        assert tx.feed.verify("flights") is None
        assert not tx.tasks.workers()
    assert (events[0].kind, events[-1].kind, events[-1].actor) == ("task.queued", "task.ended", "token:ci")


def test_code_reads_no_more_than_its_asker_may(loop: Loop, tmp_path: Path) -> None:
    """On a worker a pipeline that names another project's data is refused for who may not read it, and done for who may."""
    away = replace(loop, project="secret")
    tree = build(loop.blobs, [Entry("a.txt", loop.blobs.put(b"40"), 2)])
    add(away, AssetName("secret", "data", "vault"), tree=tree, message="secret")
    (tmp_path / "pipes.py").write_text(SPY)
    tasks = []
    for name, here in (("bea", ()), ("ann", ("secret",))):
        actor = Actor("person", name, verified=True)
        for home in ("flights", *here):
            grant(replace(loop, project=home), name, "role/contributor")
        with loop.ledger.read() as tx:
            caller = Caller(actor, roles_of(tx, str(actor)))
        tasks.append(ask(replace(loop, actor=actor, caller=caller), "run", words_of(tmp_path)))
    with worker(tmp_path, "--once") as process:
        assert process.wait(60) == 0
    refused, done = (seen(loop, task) for task in tasks)
    assert refused.error is not None
    assert (refused.error["kind"], refused.error["facts"]) == ("not-allowed", {"verb": "get", "project": "secret"})
    assert (done.state, done.error) == (TaskState.DONE, None)
    assert [one["asset"] for one in done.result["run"]["inputs"]] == ["secret:data/vault"]


SPY = """
from loopline import Data, pipeline, step

@step
def read(data: Data) -> str:
    return "".join(path.read_text() for path in data.files())

@pipeline
def train(data: Data = Data("secret:data/vault")):
    read(data)
"""


def test_an_error_of_the_verb_is_the_tasks(loop: Loop, tmp_path: Path) -> None:
    """Class, kind, hint and facts of what a verb raised come back; the worker goes on with the next task."""
    first, second = ask(loop, "run", {"pipeline": "train"}), ask(loop, "verify", {})
    with worker(tmp_path, "--once") as process:
        assert process.wait(60) == 0
    failed = seen(loop, first)
    assert failed.state is TaskState.FAILED
    assert failed.error is not None
    assert (failed.error["class"], failed.error["kind"]) == ("Invalid", "no-code")
    assert seen(loop, second).state is TaskState.DONE


def test_a_worker_takes_its_queue_alone(loop: Loop, tmp_path: Path) -> None:
    """What waits in another queue goes on waiting."""
    other, mine = ask(loop, "verify", {}), ask(loop, "verify", {}, queue="gpu")
    with worker(tmp_path, "--once", "--queue", "gpu") as process:
        assert process.wait(60) == 0
    assert seen(loop, mine).state is TaskState.DONE
    assert seen(loop, other, TaskState.QUEUED).attempts == 0


def test_slots_are_tasks_at_a_time(loop: Loop, tmp_path: Path) -> None:
    """With two slots two tasks run at once, each in a process of its own."""
    words = words_of(tmp_path, seconds="30")
    tasks = [
        ask(loop, "run", {**words, "params": {"seconds": "30", "note": str(tmp_path / f"n{n}")}}) for n in (1, 2, 3)
    ]
    with worker(tmp_path, "--slots", "2"):
        assert len({appeared(tmp_path / "n1"), appeared(tmp_path / "n2")}) == 2
        assert seen(loop, tasks[2], TaskState.QUEUED).attempts == 0


def test_a_cancelled_task_stops(loop: Loop, tmp_path: Path) -> None:
    """Within seconds the task, its run and its step are cancelled, and the step's process is gone."""
    task = ask(loop, "run", words_of(tmp_path, seconds="60", note=str(tmp_path / "note")))
    with worker(tmp_path):
        step = appeared(tmp_path / "note")
        began = time.monotonic()
        cancel(loop, task.id)
        assert seen(loop, task).state is TaskState.CANCELLED
        assert time.monotonic() - began < 5
    assert {one.state for one in runs(loop)} == {RunState.CANCELLED}
    assert not Path(f"/proc/{step}/cmdline").exists()


def test_a_worker_that_is_told_to_stop_gives_back(loop: Loop, tmp_path: Path) -> None:
    """SIGTERM: the task waits again, untried; the next worker does it, and takes finished steps from the cache."""
    task = ask(loop, "run", words_of(tmp_path, seconds="3", note=str(tmp_path / "note")))
    with worker(tmp_path) as process:
        appeared(tmp_path / "note")
        began = time.monotonic()
        process.terminate()
        assert process.wait(15) == 0
        assert time.monotonic() - began < 5
        back = seen(loop, task, TaskState.QUEUED)
        assert (back.attempts, back.worker) == (0, None)
    with worker(tmp_path, "--once") as process:
        assert process.wait(60) == 0
    assert seen(loop, task).state is TaskState.DONE
    several = [one for one in runs(loop) if one.kind == "pipeline"]
    assert [one.state for one in several] == [RunState.CANCELLED, RunState.FINISHED]
    assert [task.run, seen(loop, task).run] == [one.id for one in several]


def test_a_killed_worker_takes_its_tasks_processes_along(loop: Loop, tmp_path: Path) -> None:
    """After SIGKILL of the worker the task's process stops by itself and gives the task back; another does it."""
    task = ask(loop, "run", words_of(tmp_path, seconds="2", note=str(tmp_path / "note")))
    with worker(tmp_path) as process:
        appeared(tmp_path / "note")
        below = descendants(process.pid)
        process.kill()
        process.wait()
        assert seen(loop, task, TaskState.QUEUED).worker is None
        until(lambda: not any(map(lives, below)))
    with worker(tmp_path, "--once") as process:
        assert process.wait(60) == 0
    assert seen(loop, task).state is TaskState.DONE


def test_a_task_whose_process_dies_is_tried_again_and_then_given_up(loop: Loop, tmp_path: Path) -> None:
    """A process that is killed (memory) costs a try; after the third the task has failed as worker-lost."""
    note = tmp_path / "note"
    task = ask(loop, "run", words_of(tmp_path, seconds="60", note=str(note)))
    with worker(tmp_path) as process:
        for _ in range(3):
            appeared(note)
            note.unlink()
            (doing,) = _children(process.pid)
            os.kill(doing, signal.SIGKILL)
        failed = seen(loop, task)
    assert failed.state is TaskState.FAILED
    assert failed.error is not None
    assert (failed.error["kind"], failed.attempts) == ("worker-lost", 3)


def _children(pid: int) -> list[int]:
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def test_a_paused_worker_is_fenced(loop: Loop, tmp_path: Path) -> None:
    """Stopped past its lease, another does the task; woken, it writes nothing more: no step, no run, no task."""
    note = tmp_path / "note"
    task = ask(loop, "run", words_of(tmp_path, seconds="1.5", note=str(note)))
    with worker(tmp_path, "--lease", "2s") as first:
        appeared(note)
        paused = [first.pid, *descendants(first.pid)]
        for pid in paused:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        with loop.ledger.read() as tx:
            (lost,) = tx.tasks.lost()
        lose(loop, lost)
        note.unlink()
        with worker(tmp_path, "--once") as second:
            assert second.wait(60) == 0
        done = seen(loop, task)
        assert (done.state, done.attempts) == (TaskState.DONE, 2)
        with loop.ledger.read() as tx:
            head = tx.feed.head("flights")
        for pid in reversed(paused):
            with_pid(pid, signal.SIGCONT)
        time.sleep(4)
        with loop.ledger.read() as tx:
            assert tx.feed.head("flights") == head
            assert tx.feed.verify("flights") is None
        assert seen(loop, task) == done
    pipelines = [one for one in runs(loop) if one.kind == "pipeline"]
    assert [one.state for one in pipelines] == [RunState.CRASHED, RunState.FINISHED]


def test_the_end_of_the_lease_is_enough(loop: Loop, tmp_path: Path) -> None:
    """Woken before anybody has taken the task away, the worker is refused all the same, and stops."""
    note = tmp_path / "note"
    task = ask(loop, "run", words_of(tmp_path, seconds="1.5", note=str(note)))
    with worker(tmp_path, "--lease", "2s") as process:
        appeared(note)
        paused = descendants(process.pid)
        for pid in (process.pid, *paused):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        with loop.ledger.read() as tx:
            head = tx.feed.head("flights")
        for pid in reversed(paused):
            os.kill(pid, signal.SIGCONT)
        until(lambda: not any(map(lives, paused)))
        with loop.ledger.read() as tx:
            assert tx.feed.head("flights") == head
    with loop.ledger.read() as tx:
        assert [one.id for one in tx.tasks.lost()] == [task.id]


def test_a_worker_is_light_while_it_waits(loop: Loop, tmp_path: Path) -> None:
    """A worker that has done a task keeps no more than before it: what the task loaded went with the task."""
    with worker(tmp_path, warm=False) as process:
        task = ask(loop, "verify", {})
        assert seen(loop, task).state is TaskState.DONE
        line = next(one for one in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in one)
        assert int(line.split()[1]) < 40_000


@pytest.mark.parametrize("words", [["--slots", "0"], ["--queue", "A B"], ["--lease", "1ms"]])
def test_what_makes_no_worker_is_refused(tmp_path: Path, words: list[str]) -> None:
    """Wrong words end with exit code 2 before anything is opened."""
    done = run("worker", *words, cwd=tmp_path, env=variables(), timeout=30)
    assert done.returncode == 2
    assert not (tmp_path / ".loopline").exists()
