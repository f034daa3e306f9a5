"""What a registration leaves behind when the disk fails, or the process dies, at any of its disk calls."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from loopline.datasets.tree import Tree
from loopline.loop import Loop
from loopline.settings import load_settings
from loopline.wiring import open_loop

from .stracing import Cut, calls_in, failing, killing, listing, some, strace, traced

__all__ = ["strace"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("strace")]

DRIVER = """
import sys
from pathlib import Path
from loopline.errors import LooplineError
from loopline.nouns.name import parse_asset
from loopline.settings import load_settings
from loopline.verbs import registering
from loopline.verbs.register import register
from loopline.wiring import open_loop

home, source = Path(sys.argv[1]), sys.argv[2]
registering._GROUP, registering._FEW = 8, 4
loop = open_loop(load_settings(home, environ={"USER": "ann"}))
with loop.ledger.read() as tx:
    tx.feed.head("tiny")
print("ready", flush=True)
code = 0
try:
    register(loop, parse_asset("data/rows", project="tiny"), source)
    print("done", flush=True)
except LooplineError as error:
    print("error", error.kind, flush=True)
    code = 3
print("over", flush=True)
sys.exit(code)
"""
FILES = {f"f{number:02d}": b"%d" % number for number in range(30)} | {"large": b"x" * (9 << 20)}
KINDS = {
    "ENOSPC": {"disk-full", "disk-error", "store-broken", "file-changing", "file-unreadable"},
    "EIO": {"store-broken", "disk-error", "file-changing", "file-unreadable"},
}


def opened(home: Path) -> Loop:
    """Open a project."""
    return open_loop(load_settings(home, environ={"USER": "ann"}))


@functools.cache
def template() -> Path:
    """Make an empty project and a folder of files, once."""
    folder = Path(tempfile.mkdtemp(prefix="loopline-faults-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("home", "source"):
        (folder / name).mkdir()
    (folder / "home" / "loopline.toml").write_text('[project]\nname = "tiny"\n')
    for name, data in FILES.items():
        (folder / "source" / name).write_bytes(data)
    opened(folder / "home").ledger.close()
    return folder


def run(folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Do it in a process of its own, under strace, in a copy of the template."""
    if not folder.exists():
        shutil.copytree(template() / "home", folder)
    return traced(DRIVER, str(folder), str(template() / "source"), where=folder, strace=strace)


@functools.cache
def disk_calls() -> tuple[Cut, ...]:
    """List its disk calls."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(Path(name) / "x", *listing(log))
        assert (done.returncode, "error" in done.stdout) == (0, False), (done.stdout, done.stderr)
        return calls_in(log, name)


def check(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Hold the promises, then do it again, and hold them again."""
    hold(folder, acknowledged="done" in done.stdout.split())
    again = run(folder)
    assert (again.returncode, again.stdout.split()) == (0, ["ready", "done", "over"]), (again.stdout, again.stderr)
    hold(folder, acknowledged=True)


def hold(folder: Path, *, acknowledged: bool) -> None:
    """What the store knows can be read; a version has all its files; the files are as they were."""
    loop = opened(folder)
    with loop.ledger.read() as tx:
        assert tx.feed.verify("tiny") is None
        there = [tx.versions.get(ref.name.asset, ref.target) for ref in tx.refs.list("tiny")]
    for digest in loop.blobs.iter():
        loop.blobs.verify(digest)
    for version in there:
        found = Tree(loop.blobs, version.artifact.digest).iter()
        assert {one.path: loop.blobs.read(one.digest) for one in found} == FILES
    assert there or not acknowledged
    assert {file.name: file.read_bytes() for file in (template() / "source").iterdir()} == FILES
    loop.ledger.close()


def test_the_calls_that_matter_are_among_those_tried() -> None:
    """It writes, syncs and renames: otherwise the tests below would try nothing."""
    names = Counter(name for name, _ in disk_calls())
    assert names["fsync"] >= 6, names
    assert names["rename"] >= 4, names


def test_killed_at_a_sample_of_the_calls(tmp_path: Path) -> None:
    """SIGKILL at four disk calls, spread over all, leaves nothing that lies; the same command again finishes the work."""
    for turn, cut in enumerate(some(disk_calls(), 4)):
        folder = tmp_path / str(turn)
        done = run(folder, *killing(cut))
        if done.returncode != -9:  # threads: a call may be another thread's this time
            assert "done" in done.stdout.split(), (cut, done.stdout, done.stderr)
        check(folder, done)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", sorted(KINDS))
def test_an_error_at_a_sample_of_the_calls(error: str, tmp_path: Path) -> None:
    """Each of three calls, spread over all, that fails once is told as what it is or does not matter."""
    for turn, cut in enumerate(some(disk_calls(), 3)):
        folder = tmp_path / str(turn)
        done = run(folder, *failing(cut, error))
        said = done.stdout.splitlines()
        assert done.returncode in {0, 3}, (cut, done.stdout, done.stderr)
        assert said[-1:] == ["over"], (cut, said, done.stderr)
        assert {line.split()[1] for line in said if line.startswith("error")} <= KINDS[error], (cut, said)
        check(folder, done)
        shutil.rmtree(folder)
