"""A fork never catches one of our threads in the middle of an import."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable

from loopline.sdk import forking
from loopline.sdk.forking import importing


def test_a_fork_waits_for_an_import() -> None:
    """While a thread imports, a fork is held back; afterwards both sides may import."""
    inside, steps = threading.Event(), []

    def slow() -> None:
        with importing():
            inside.set()
            time.sleep(0.3)
            steps.append("imported")

    thread = threading.Thread(target=slow)
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with importing():
                code = 0 if steps == ["imported"] else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with importing():
        thread.join()


def test_a_fork_does_not_wait_for_ever() -> None:
    """An import that hangs holds a fork back for a while only."""
    before, forking.PATIENCE_S = forking.PATIENCE_S, 0.1  # type: ignore[misc]
    release, inside = threading.Event(), threading.Event()

    def stuck() -> None:
        with importing():
            inside.set()
            release.wait()

    thread = threading.Thread(target=stuck)
    thread.start()
    inside.wait()
    try:
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        release.set()
        thread.join()
        forking.PATIENCE_S = before  # type: ignore[misc]


def test_nothing_is_imported_behind_the_gate(program: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """What the thread does after its imports and the opening of the ledger needs no further module."""
    text = (
        "import sys, loopline\nfrom loopline.sdk import session, forking\n"
        "with loopline.start('first') as run: run.log(loss=1.0)\n"
        "forking.import_all()\nsession.session().close()\n"
    )
    assert program(text).returncode == 0
    probe = (
        "import sys, loopline, threading\nfrom loopline.sdk import session, forking, shipper\n"
        "forking.import_all()\nsession.session().client()\nloopline.start\nbefore = set(sys.modules)\n"
        "with loopline.start('second', params=dict(a=1)) as run: run.log(loss=1.0); run.tag(a=1)\n"
        "late = sorted(set(sys.modules) - before)\nprint(late)\n"
    )
    assert program(probe).stdout.strip() == "[]"
