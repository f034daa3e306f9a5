"""What is left of a ledger when the disk fails, or the process dies, at any disk call of adding data or applying a change."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import Tree
from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.change import ChangeState
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.store.local import LocalBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.verbs import load
from loopline.wiring import open_database

DATA = AssetName("tiny", "data", "rows")
MODEL = AssetName("tiny", "model", "sum")
MAIN, BEST = RefName(DATA, "main"), RefName(MODEL, "best")
DRIVER = """
import sys
from pathlib import Path
from loopline.datasets.tree import build
from loopline.errors import LooplineError
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.wiring import open_database
from loopline.store.local import LocalBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.verbs.add import add
from loopline.verbs.apply import apply

home, change = Path(sys.argv[1]), sys.argv[2]
database, blobs, clock = open_database(f"sqlite:///{home / 'ledger.db'}"), LocalBlobs(home), SystemClock()
loop = Loop("tiny", Actor("person", "ann"), Ledger(database, clock=clock), blobs, clock, SystemIds(), home / "cache", {}, {})

def publish():
    entries = [Entry("a.txt", blobs.put(b"1 2 3 4\\n"), 8)]
    published = add(loop, AssetName("tiny", "data", "rows"), tree=build(blobs, entries), message="more")
    return f"added {published.version.number}"

def move():
    return f"state {apply(loop, change).state}"

with loop.ledger.read() as tx:
    tx.feed.head("tiny")
print("ready", flush=True)
code = 0
for work in (publish, move):
    for attempt in (1, 2):
        try:
            print(work(), flush=True)
        except LooplineError as error:
            if error.kind == "change-state":  # it was applied before
                print("state applied", flush=True)
                break
            print("error", error.kind, flush=True)
            code = 3
        else:
            break
database.close()
print("over", flush=True)
sys.exit(code)
"""
NAMES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "openat")
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


def why_not() -> str:
    """Say why strace cannot be used here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


REASON = why_not()
pytestmark = [
    pytest.mark.faults, pytest.mark.skipif(bool(REASON), reason=REASON or "strace works"), pytest.mark.timeout(900),
]  # fmt: skip


def open_loop(home: Path) -> Loop:
    """Open the ledger and the store of a folder."""
    clock = SystemClock()
    ledger = Ledger(open_database(f"sqlite:///{home / 'ledger.db'}"), clock=clock)
    return Loop("tiny", Actor("person", "ann"), ledger, LocalBlobs(home), clock, SystemIds(), home / "cache", {}, {})


@functools.cache
def template() -> tuple[Path, str]:
    """Make a ledger with data on a branch and an approved change, once; give its folder and the change."""
    home = Path(tempfile.mkdtemp(prefix="loopline-faults-")) / "home"
    home.mkdir()
    atexit.register(shutil.rmtree, home.parent, ignore_errors=True)
    database = open_database(f"sqlite:///{home / 'ledger.db'}")
    prepare(database)
    database.close()
    loop = open_loop(home)
    wants = Policy("best", ("model/*@best",), approvals=Approvals(count=1, not_author=False))
    load("policy")(loop, document=dump_document(Document((wants,), ())).decode(), why="test")
    load("put")(loop, MODEL, digest=loop.blobs.put(b"6"))
    change = load("propose")(loop, BEST, to=Numbered(1), why="test")
    assert load("approve")(loop, change.id).state is ChangeState.APPROVED
    loop.ledger.close()
    return home, change.id


def run(folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Add and apply in a process of its own, under strace, on a copy of the template."""
    home, change = template()
    if not folder.exists():
        shutil.copytree(home, folder)
    tracer = ["strace", *strace] if strace else []
    command = [*tracer, sys.executable, "-I", "-B", "-c", DRIVER, str(folder), change]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


@functools.cache
def disk_calls() -> tuple[tuple[str, int], ...]:
    """List the disk calls between `ready` and `over`: (name, which of that name)."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(Path(name) / "home", "-e", f"trace={','.join(NAMES)}", "-o", str(log))
        assert done.returncode == 0, done.stderr
        counts: Counter[str] = Counter()
        calls: list[tuple[str, int]] = []
        ready = False
        for line in log.read_text(errors="replace").splitlines():
            if (match := CALL.match(line)) is None:
                continue
            counts[match[1]] += 1
            if match[1] == "write" and match[2].startswith("1, "):
                ready = True
                if '"over' in match[2]:
                    break
            elif ready and (match[1] != "openat" or name in match[2]):
                calls.append((match[1], counts[match[1]]))
    return tuple(calls)


def check(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Hold the promises: the ledger is sound, each ref old or new, what was acknowledged there, and a retry works."""
    said = done.stdout.splitlines()
    loop = open_loop(folder)
    with loop.ledger.read() as tx:
        assert tx.rows.one("PRAGMA integrity_check") == ("ok",)
        assert tx.feed.verify("tiny") is None
        main, best = tx.refs.find(MAIN), tx.refs.find(BEST)
        version = tx.versions.get(DATA, main.target) if main else None
    if any(line.startswith("added") for line in said):
        assert main is not None, "it was acknowledged"
    if "state applied" in said:
        assert best is not None, "it was acknowledged"
        assert best.target == 1
    if version:
        for entry in Tree(loop.blobs, version.artifact.digest).iter():
            loop.blobs.verify(entry.digest)
    loop.ledger.close()
    again = run(folder)
    assert "state applied" in again.stdout, (again.stdout, again.stderr)
    assert "added 1" in again.stdout, "a number is given once, to bytes that are there"


def test_the_calls_that_matter_are_among_those_tried() -> None:
    """The listing sees the log's writes and syncs, and the blobs' renames: otherwise the tests below would try nothing."""
    names = Counter(name for name, _ in disk_calls())
    assert names["pwrite64"] >= 4
    assert names["fsync"] + names["fdatasync"] >= 6
    assert names["rename"] >= 2


def test_killed_at_any_call(tmp_path: Path) -> None:
    """SIGKILL at any disk call leaves each ref old or new, the chain whole, and what was acknowledged in place."""
    for turn, (name, when) in enumerate(disk_calls()):
        folder = tmp_path / str(turn)
        done = run(folder, "-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={when}", "-o", os.devnull)
        assert done.returncode == -9, (name, when, done.stderr)
        check(folder, done)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_error_at_any_call(error: str, tmp_path: Path) -> None:
    """A call that fails once is told as what it is or does not matter, and the same process can try again at once."""
    kinds: Counter[str] = Counter()
    for turn, (name, when) in enumerate(disk_calls()):
        folder = tmp_path / str(turn)
        done = run(folder, "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}", "-o", os.devnull)
        said = done.stdout.splitlines()
        assert done.returncode in (0, 3), (name, when, done.stdout, done.stderr)
        assert said[-1:] == ["over"], (name, when, done.stderr)
        assert "state applied" in said, (name, when, said)
        kinds.update(line.split()[1] for line in said if line.startswith("error"))
        check(folder, done)
        shutil.rmtree(folder)
    expected = {
        "ENOSPC": {"disk-full", "disk-error"},
        "EIO": {"store-broken", "disk-error", "blob-unreadable", "ledger-unopenable"},
    }
    assert set(kinds) <= expected[error]
    assert sum(kinds.values()) >= 6
