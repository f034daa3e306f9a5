"""Jobs in warm processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.executors.local import LocalExecutor
from loopline.executors.port import Executor
from loopline.nouns.job import Job, Outcome
from loopline.store.system import SystemClock
from loopline.testing.executors import LOG_CAP, ProcessExecutorSuite, alive, job, outcomes_of, until


class TestLocalExecutor(ProcessExecutorSuite):
    """The shipped suite."""

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """Give an open executor."""
        with LocalExecutor(SystemClock(), workers=2, grace=0.5, log_cap=LOG_CAP) as executor:
            yield executor


PARENT = """
import os, sys, time
from loopline.executors.local import LocalExecutor
from loopline.nouns.job import Job
from loopline.store.system import SystemClock
with LocalExecutor(SystemClock(), workers=2, grace=0.5) as executor:
    executor.submit(Job("idle", "loopline.testing.jobs:pid", b""))
    print(executor.outcomes()[0].value.decode(), flush=True)
    executor.submit(Job("busy", "loopline.testing.jobs:ignores_everything", sys.argv[1].encode()))
    if "fork" in sys.argv and os.fork() == 0:
        time.sleep(60)
    try:
        executor.outcomes()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        executor.cancel("busy")
        print(executor.outcomes()[0].end, flush=True)
"""


def start_parent(tmp_path: Path, *words: str) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that has an idle and a busy worker; come back when both are there."""
    note = tmp_path / "note"
    command = [sys.executable, "-P", "-c", PARENT, str(note), *words]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: note.exists() and len(note.read_text(encoding="utf-8").split()) == 3, "no job")
    return parent, note


@pytest.mark.parametrize("words", [(), ("fork",)])
def test_workers_die_with_their_parent(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A parent that is killed takes its workers along, busy and idle, also where a fork of it lives on."""
    parent, note = start_parent(tmp_path, *words)
    assert parent.stdout is not None
    idle = int(parent.stdout.readline())
    busy, child, _ = map(int, note.read_text(encoding="utf-8").split())
    parent.kill()
    parent.wait()
    until(lambda: not any(map(alive, (idle, busy, child))), "a worker outlived its parent")
    parent.stdout.close()
    for pid in map(int, note.read_text(encoding="utf-8").split()):  # the one that left its session
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(parent.pid, signal.SIGKILL)  # the fork


def test_ctrl_c_is_the_parents_to_decide(tmp_path: Path) -> None:
    """Ctrl-C reaches the parent alone: its jobs run until it cancels them, and then nothing is left."""
    parent, note = start_parent(tmp_path)
    os.killpg(parent.pid, signal.SIGINT)
    out, _ = parent.communicate(timeout=30)
    assert out.splitlines()[1:] == ["interrupted", "cancelled"]
    assert parent.returncode == 0
    assert not any(map(alive, map(int, note.read_text(encoding="utf-8").split())))


def test_a_defect_in_the_executor_is_told_to_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for outcomes that cannot come."""

    def broken(_: object, __: Job) -> None:
        msg = "a defect"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr("loopline.executors.pool.Pool.add", broken)
    with LocalExecutor(SystemClock(), workers=1) as executor:
        executor.submit(job("echo"))
        with pytest.raises(ZeroDivisionError):
            executor.outcomes()


def test_threads_may_submit_at_once() -> None:
    """Jobs from many threads all run, each once."""
    with LocalExecutor(SystemClock(), workers=2) as executor:

        def submit(turn: int) -> None:
            for _ in range(25):
                executor.submit(job("echo", str(turn).encode()))

        threads = [threading.Thread(target=submit, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        known: list[Outcome] = []
        while found := executor.outcomes(20):
            known += found
    assert sorted(outcome.value for outcome in known) == sorted(
        str(turn).encode() for turn in range(4) for _ in range(25)
    )


def test_an_executor_leaves_no_descriptor_and_no_thread_behind() -> None:
    """Opening and closing many does not use anything up."""
    before = (len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
    for _ in range(3):
        with LocalExecutor(SystemClock(), workers=1) as executor:
            outcomes_of(executor, job("echo"))
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before


def test_workers_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric libraries of a worker get its share of the processors; OMP_NUM_THREADS of the caller stays as it is."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("loopline.executors.processors.processors", lambda: 6)
    for asked, expected in (("", b"3"), ("7", b"7")):
        if asked:
            monkeypatch.setenv("OMP_NUM_THREADS", asked)
        with LocalExecutor(SystemClock(), workers=2) as executor:
            (outcome,) = outcomes_of(executor, job("variable", b"OMP_NUM_THREADS"))
        assert outcome.value == expected
