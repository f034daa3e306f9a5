"""Programs and shippers are killed at any moment; what `log` acknowledged is in the ledger, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopline.nouns.run import RunState
from loopline.sdk.client import Local
from loopline.sdk.leftovers import adopt
from loopline.settings import load_settings
from loopline.wiring import open_loop

pytestmark = pytest.mark.faults

WRITER = """
import os, sys, threading
from loopline.sdk import shipper
shipper.PAUSE_S = shipper.Shipper.__init__.__kwdefaults__["pause"] = 0.005
import loopline
run = loopline.start("train")
print("run", run.id, flush=True)

def work(name):
    step = 0
    while True:
        run.log({name: step}, step=step)
        os.write(1, b"%s %d\\n" % (name.encode(), step))
        step += 1

if sys.argv[1] == "fork" and os.fork() == 0:
    work("child")
threading.Thread(target=work, args=("thread",), daemon=True).start()
work("main")
"""
ADOPTER = """
from loopline.sdk import session, shipping
from loopline.sdk.leftovers import adopt
shipping.PIECE = 2000
here = session.session()
adopt(here.client(), here.journals)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is the present folder, its ledger already made."""
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(tmp_path)
    open_loop(load_settings()).ledger.close()
    return tmp_path


def killed(command: list[str], after: float) -> str:
    """Run a command in a group of its own, kill all of it after a while, and give what it printed."""
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, text=True
    )
    timer = time.monotonic() + after
    lines = [running.stdout.readline() if "train" in command[2] and running.stdout else ""]
    time.sleep(max(0.0, timer - time.monotonic()))
    os.killpg(running.pid, signal.SIGKILL)
    out, _ = running.communicate()
    return lines[0] + out


def acknowledged(printed: str) -> dict[str, int]:
    """Give the last step that each writer said was logged; a line that was cut counts for nothing."""
    found: dict[str, int] = {}
    for line in printed.rpartition("\n")[0].splitlines()[1:]:
        name, _, step = line.partition(" ")
        if name in {"main", "thread", "child"} and step.isdigit():
            found[name] = max(found.get(name, 0), int(step))
    return found


@pytest.mark.parametrize("round_", range(25))
@pytest.mark.parametrize("how", ["plain", "fork"])
def test_kill_a_program(project: Path, how: str, round_: int) -> None:
    """After kill -9 at a random moment, and of the process that cleans up too, the ledger has each point once, none missing."""
    chance = random.Random(f"{how}{round_}")
    printed = killed([sys.executable, "-c", WRITER, how], 0.3 + chance.random() * 0.5)
    run = printed.split()[1]
    for _ in range(chance.randrange(3)):
        killed([sys.executable, "-c", ADOPTER], 0.08 + chance.random() * 0.15)
    local = Local(open_loop(load_settings()))
    try:
        adopt(local, project / ".loopline" / "journal")
        assert list((project / ".loopline" / "journal").glob("*.journal")) == []
        with local.loop.ledger.read() as tx:
            assert tx.runs.get(run).state is RunState.CRASHED
            for name, last in acknowledged(printed).items():
                steps = [one.step for one in tx.metrics.history(run, name, limit=10**7)]
                assert steps == list(range(len(steps)))
                assert len(steps) > last
    finally:
        local.close()
