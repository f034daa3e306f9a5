"""What is left of a ledger when the disk fails, or the process dies, at disk calls of adding data or of applying a change."""

from __future__ import annotations

import atexit
import functools
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

from .stracing import Cut, calls_in, failing, killing, listing, some, strace

__all__ = ["strace"]
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
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("strace")]


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
def disk_calls() -> tuple[Cut, ...]:
    """List its disk calls."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(Path(name) / "home", *listing(log))
        assert done.returncode == 0, done.stderr
        return calls_in(log, name)


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


def test_killed_at_a_sample_of_the_calls(tmp_path: Path) -> None:
    """SIGKILL at forty disk calls leaves each ref old or new, the chain whole, and what was acknowledged in place."""
    for turn, cut in enumerate(some(disk_calls(), 40)):
        folder = tmp_path / str(turn)
        done = run(folder, *killing(cut))
        assert done.returncode == -9, (cut, done.stderr)
        check(folder, done)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_error_at_a_sample_of_the_calls(error: str, tmp_path: Path) -> None:
    """A call that fails once is told as what it is or does not matter, and the same process can try again at once."""
    kinds: Counter[str] = Counter()
    for turn, cut in enumerate(some(disk_calls(), 40)):
        folder = tmp_path / str(turn)
        done = run(folder, *failing(cut, error))
        said = done.stdout.splitlines()
        assert done.returncode in (0, 3), (cut, done.stdout, done.stderr)
        assert said[-1:] == ["over"], (cut, done.stderr)
        assert "state applied" in said, (cut, said)
        kinds.update(line.split()[1] for line in said if line.startswith("error"))
        check(folder, done)
        shutil.rmtree(folder)
    expected = {
        "ENOSPC": {"disk-full", "disk-error"},
        "EIO": {"store-broken", "disk-error", "blob-unreadable", "ledger-unopenable"},
    }
    assert set(kinds) <= expected[error]
    assert sum(kinds.values()) >= 2
