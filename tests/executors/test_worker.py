"""The process that runs jobs, driven by hand through its pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from loopline.executors.frames import pack, receive, send

START = "import sys; from loopline.executors.worker import main; main(*map(int, sys.argv[1:]))"


def start() -> tuple[subprocess.Popen[bytes], int, int, int]:
    """Start a worker; give it and our ends of requests, answers and lifeline."""
    pipes = [os.pipe() for _ in range(3)]
    theirs = (pipes[0][0], pipes[1][1], pipes[2][0])
    command = [sys.executable, "-P", "-c", START, *map(str, theirs)]
    worker = subprocess.Popen(command, pass_fds=theirs, start_new_session=True, stdout=subprocess.DEVNULL)
    for number in theirs:
        os.close(number)
    return worker, pipes[0][1], pipes[1][0], pipes[2][1]


def test_it_leaves_when_its_requests_end(tmp_path: Path) -> None:
    """A closed pipe is the end of work, not an error."""
    worker, requests, answers, lifeline = start()
    send(requests, pack(b"loopline.testing.jobs:echo", b"hi", os.fsencode(tmp_path), b"0"))
    assert receive(answers) == [b"returned", b"hi", b"", b""]
    os.close(requests)
    assert worker.wait(20) == 0
    os.close(answers)
    os.close(lifeline)


def test_it_is_killed_when_its_lifeline_is_cut(tmp_path: Path) -> None:
    """A busy worker goes with its parent, in the middle of a job."""
    worker, requests, answers, lifeline = start()
    note = tmp_path / "note"
    send(requests, pack(b"loopline.testing.jobs:ignores_everything", os.fsencode(note), os.fsencode(tmp_path), b"0"))
    while not note.exists():
        assert worker.poll() is None
        time.sleep(0.01)
    os.close(lifeline)
    assert worker.wait(20) == -9
    os.close(requests)
    os.close(answers)


def test_it_starts_without_heavy_imports() -> None:
    """What a worker imports before its first job decides how fast a run starts."""
    code = "import sys; import loopline.executors.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    heavy = {"msgspec", "dataclasses", "inspect", "subprocess", "traceback", "asyncio", "numpy", "loopline.nouns.job"}
    assert heavy & set(done.stdout.split()) == set()
