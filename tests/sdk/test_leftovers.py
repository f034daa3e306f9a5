"""Journals of processes that died are shipped by whoever comes next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.nouns.run import Run, RunState
from loopline.sdk.client import Local
from loopline.sdk.leftovers import DIED, adopt

DYING = """
import os, signal, loopline
from loopline.sdk.shipper import Shipper
from loopline.sdk import fluent
if {mute}:
    Shipper.flush = lambda self: False
run = loopline.start("train", params=dict(depth=8))
for step in range(500):
    run.log(loss=1.0, step=step)
{ending}
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("mute", [True, False])
def test_a_killed_run_is_crashed_and_complete(
    program: Callable[..., subprocess.CompletedProcess[str]],
    client: Local,
    runs: Callable[[], list[Run]],
    *,
    mute: bool,
) -> None:
    """Whether or not a part was shipped before kill -9, each point is there once and the run is crashed."""
    assert program(DYING.format(mute=mute, ending="")).returncode == -signal.SIGKILL
    folder = client.loop.work.parent / "journal"
    assert adopt(client, folder) == 1
    (run,) = runs()
    assert (run.state, run.error, run.params) == (RunState.CRASHED, DIED, {"depth": "8"})
    with client.loop.ledger.read() as tx:
        assert [one.step for one in tx.metrics.history(run.id, "loss")] == list(range(500))
    assert list(folder.iterdir()) == []
    assert adopt(client, folder) == 0


def test_a_run_that_was_finished_but_not_shipped(
    program: Callable[..., subprocess.CompletedProcess[str]], client: Local, runs: Callable[[], list[Run]]
) -> None:
    """A finish that did not reach the ledger counts: the run is not called crashed."""
    program(DYING.format(mute=True, ending="run.finish()"))
    adopt(client, client.loop.work.parent / "journal")
    assert [run.state for run in runs()] == [RunState.FINISHED]


def test_a_torn_tail(
    program: Callable[..., subprocess.CompletedProcess[str]], client: Local, runs: Callable[[], list[Run]]
) -> None:
    """A journal whose last record was cut by a crash of the machine is shipped up to there and removed."""
    program(DYING.format(mute=True, ending=""))
    folder = client.loop.work.parent / "journal"
    (journal,) = folder.iterdir()
    os.truncate(journal, journal.stat().st_size - 7)
    assert adopt(client, folder) == 1
    with client.loop.ledger.read() as tx:
        assert [one.step for one in tx.metrics.history(runs()[0].id, "loss")] == list(range(499))
    assert list(folder.iterdir()) == []


def test_the_next_program_ships_it(
    program: Callable[..., subprocess.CompletedProcess[str]], runs: Callable[[], list[Run]]
) -> None:
    """No command is needed: a program that starts a run takes care of what is left over."""
    program(DYING.format(mute=True, ending=""))
    done = program("import loopline\nwith loopline.start('next'): pass")
    assert "of a process that died" in done.stderr
    assert [(run.name, run.state) for run in runs()] == [("train", RunState.CRASHED), ("next", RunState.FINISHED)]


def test_two_processes_do_not_ship_the_same_journal(
    project: Path, client: Local, runs: Callable[[], list[Run]]
) -> None:
    """Four processes that start at once after a crash ship each journal once between them."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", DYING.format(mute=True, ending="")], cwd=project, check=False)
    text = (
        "from loopline.sdk import session\nfrom loopline.sdk.leftovers import adopt\n"
        "here = session.session()\nprint(adopt(here.client(), here.journals))"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", text], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert sum(int(one.communicate()[0]) for one in racers) == 3
    with client.loop.ledger.read() as tx:
        for run in runs():
            assert len(tx.metrics.history(run.id, "loss")) == 500


def test_a_living_run_is_left_alone(project: Path, client: Local, runs: Callable[[], list[Run]]) -> None:
    """While its process lives, nobody ends a run or takes its journal."""
    text = (
        "import loopline, sys\nrun = loopline.start('long')\nrun.flush()\n"
        "print('ready', flush=True)\nsys.stdin.read()\nrun.finish()"
    )
    alive = subprocess.Popen(
        [sys.executable, "-c", text],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert alive.stdout is not None
    alive.stdout.readline()
    assert adopt(client, client.loop.work.parent / "journal") == 0
    assert [run.state for run in runs()] == [RunState.RUNNING]
    alive.communicate()
    assert [run.state for run in runs()] == [RunState.FINISHED]


def test_a_journal_that_nobody_can_read(project: Path, client: Local, said: Callable[[], list[str]]) -> None:
    """A file of junk in the folder neither raises nor stays for ever."""
    folder = project / ".loopline" / "journal"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x-1.journal").write_bytes(b"\0" * 1000)
    (folder / "notes.txt").write_text("mine")
    adopt(client, folder)
    assert [one.name for one in folder.iterdir()] == ["notes.txt"]


def test_nothing_left_over_costs_nothing(tmp_path: Path, client: Local) -> None:
    """A command may always look: an empty or missing folder is told in less than a millisecond."""
    began = time.process_time()
    for _ in range(100):
        adopt(client, tmp_path / "no such folder")
    assert time.process_time() - began < 0.1
