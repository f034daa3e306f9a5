"""Eight processes on one ledger, and processes that die at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare
from loopline.nouns.name import AssetName, RefName
from loopline.store.system import SystemClock
from loopline.wiring import open_database

PROJECT = "flights"
COUNTER = RefName(AssetName(PROJECT, "model", "counter"), "champion")

WRITER = """
import sys, threading
from loopline.errors import Conflict
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Point
from loopline.wiring import open_database
from loopline.store.memory import MemoryBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.verbs import load
from pathlib import Path

path, name, rounds, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
database, clock = open_database(f"sqlite:///{path}"), SystemClock()
asset = AssetName("flights", "model", "counter")
ref = RefName(asset, "champion")

def say(*words):  # one write a line: threads share stdout, and a line is what was acknowledged
    sys.stdout.write(" ".join(map(str, words)) + chr(10))
    sys.stdout.flush()

def work(me):
    blobs = MemoryBlobs()
    loop = Loop("flights", Actor("person", me), Ledger(database, clock=clock), blobs, clock, SystemIds(), Path("."), {}, {})
    digest = blobs.put(me.encode())
    run = load("start")(loop, me)
    say("run", run.id)
    for i in range(rounds):
        load("log")(loop, run.id, points=(Point("i", float(i), i),), source=me, sequence=i + 1)
        say("point", run.id, i)
        version = load("put")(loop, asset, digest=digest, run=run.id)
        say("version", version.number)
        while True:
            try:
                change = load("propose")(loop, ref, to=Numbered(version.number), why=me)
            except Conflict:
                continue
            say("moved", change.id)
            break
    load("finish")(loop, run.id)

workers = [threading.Thread(target=work, args=(f"{name}-{n}",)) for n in range(threads)]
[w.start() for w in workers]
[w.join() for w in workers]
"""


SDK = """
import sys, loopline
for i in range(int(sys.argv[2])):
    with loopline.start(sys.argv[1], params={"i": i}) as run:
        for step in range(20):
            run.log(loss=1 / (step + 1), step=step)
    print("logged", run.id, flush=True)
"""

CLI = """
import json, subprocess, sys
main = "import sys; from loopline.cli.entry import main; sys.exit(main())"
for i in range(int(sys.argv[2])):
    words = [sys.executable, "-c", main, "start", sys.argv[1], "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    print("run", json.loads(done.stdout)["result"]["id"], flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a ledger file with its tables."""
    path = tmp_path / ".loopline" / "ledger.db"
    path.parent.mkdir()
    database = open_database(f"sqlite:///{path}")
    prepare(database)
    database.close()
    return path


def _writer(path: Path, name: str, *, rounds: int, threads: int = 1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(rounds), str(threads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _other(program: str, path: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    """Start somebody who works through the SDK or the command line on the same ledger."""
    return subprocess.Popen(
        [sys.executable, "-c", program, name, str(rounds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=path.parents[1],
        env={**os.environ, "LOOPLINE_HOME": str(path.parent), "LOOPLINE_PROJECT": PROJECT, "LOOPLINE_ACTOR": name},
    )  # fmt: skip


def _check(path: Path, lines: list[list[str]]) -> None:
    """Hold the ledger against everything that was acknowledged."""
    database = open_database(f"sqlite:///{path}")
    with Ledger(database, clock=SystemClock()).read() as tx:
        assert tx.feed.verify(PROJECT) is None
        (count,) = tx.rows.one("SELECT COUNT(*) FROM events") or (None,)
        assert count == tx.feed.head(PROJECT).seq
        assert (tx.rows.one("PRAGMA integrity_check") or ("",))[0] == "ok"
        numbers = [row[0] for row in tx.rows.all("SELECT number FROM versions ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        moves = tx.changes.history(COUNTER, limit=100_000)
        assert [m.new for m in moves[1:]] == [m.old for m in moves[:-1]]
        for word, *rest in lines:
            if word == "run":
                assert tx.runs.find(rest[0]) is not None
            elif word == "point":
                assert len(tx.metrics.history(rest[0], "i")) > int(rest[1])
            elif word == "version":
                assert int(rest[0]) in numbers
            elif word == "logged":
                assert len(tx.metrics.history(rest[0], "loss")) == 20
            elif word == "moved":
                assert any(move.change == rest[0] for move in moves)
    database.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_eight_processes_lose_nothing(path: Path) -> None:
    """Verbs in threads, the SDK and the command line hammer one file: nothing lost, never busy, no gap, each number once."""
    writers = [_writer(path, f"p{n}", rounds=8, threads=2) for n in range(4)]
    writers += [_other(SDK, path, f"sdk{n}", 5) for n in range(2)] + [_other(CLI, path, f"cli{n}", 5) for n in range(2)]
    lines = []
    for writer in writers:
        out, errors = writer.communicate(timeout=240)
        assert writer.returncode == 0, errors
        assert "locked" not in errors
        assert not errors
        lines += [line.split() for line in out.splitlines()]
    assert sum(line[0] == "version" for line in lines) == 4 * 2 * 8
    assert sum(line[0] == "moved" for line in lines) == 4 * 2 * 8
    assert sum(line[0] == "logged" for line in lines) == 2 * 5
    _check(path, lines)


def _kill_rounds(path: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    lines: list[list[str]] = []
    for number in range(rounds):
        writers = [_writer(path, f"{seed}-{number}-{n}", rounds=10_000) for n in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            assert first.endswith("\n") or first
            lines.append(first.split())
        time.sleep(chance.uniform(0, 0.15))
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            out, _ = writer.communicate()
            lines += [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]
    _check(path, lines)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    """Two writers are killed with SIGKILL in the middle, five times: all they printed is there, and nothing is half."""
    _kill_rounds(path, 5, seed=random.randrange(1 << 30))


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_hundred_kills(path: Path) -> None:
    """The same a hundred times."""
    _kill_rounds(path, 100, seed=random.randrange(1 << 30))
