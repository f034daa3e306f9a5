"""What a push and a pull leave behind when the disk fails, or the process dies, at any of their disk calls."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from loopline.datasets.tree import Tree, build
from loopline.loop import Loop, silent
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import parse_pointer
from loopline.sdk.client import Local
from loopline.sdk.sharing import Sharing
from loopline.sdk.shelf import Shelf
from loopline.settings import load_settings
from loopline.store.marks import marked, marks
from loopline.wiring import open_loop, store_at

from .stracing import Cut, calls_in, failing, killing, listing, some, strace, traced

__all__ = ["strace"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("strace")]

DRIVER = """
import sys
from pathlib import Path
from loopline.errors import LooplineError
from loopline.loop import silent
from loopline.nouns.name import parse_pointer
from loopline.sdk.client import Local
from loopline.sdk.sharing import Sharing
from loopline.settings import load_settings
from loopline.wiring import open_loop, store_at

way, home, store = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
loop = open_loop(load_settings(home, environ={"USER": "ann"}))
with loop.ledger.read() as tx:
    tx.feed.head("tiny")
print("ready", flush=True)
code = 0
try:
    sharing = Sharing(Local(loop), store_at(store, home, new=True), report=silent)
    getattr(sharing, way)(parse_pointer("data/rows", project="tiny"))
    print("done", flush=True)
except LooplineError as error:
    print("error", error.kind, flush=True)
    code = 3
print("over", flush=True)
sys.exit(code)
"""
FILES = {f"f{number:02d}": b"%d" % number for number in range(30)} | {
    "large": b"x" * 3_000_000,
    "middle": b"y" * 70_000,
}
KINDS = {
    "ENOSPC": {"disk-full", "disk-error", "blob-unreadable", "store-broken", "store-missing"},
    "EIO": {"store-broken", "disk-error", "blob-unreadable", "store-missing"},
}
ROWS = parse_pointer("data/rows", project="tiny")


def opened(home: Path) -> Loop:
    """Open a project."""
    return open_loop(load_settings(home, environ={"USER": "ann"}))


@functools.cache
def template() -> Path:
    """Make a project with a version, a store that has it, and an empty project, once."""
    folder = Path(tempfile.mkdtemp(prefix="loopline-faults-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("push", "pull"):
        (folder / name).mkdir()
        (folder / name / "loopline.toml").write_text('[project]\nname = "tiny"\n')
        loop = opened(folder / name)
        if name == "push":
            digests = loop.blobs.put_all(FILES.values())
            entries = [Entry(path, digest, len(FILES[path])) for path, digest in zip(FILES, digests, strict=True)]
            Local(loop).do("add", ROWS.asset, tree=build(loop.blobs, sorted(entries, key=lambda one: one.path)))
            Sharing(Local(loop), store_at(str(folder / "store"), folder, new=True), report=silent).push(ROWS)
        loop.ledger.close()
    return folder


def run(way: str, folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Do it in a process of its own, under strace, in a copy of the template: a push goes into a new store."""
    if not folder.exists():
        folder.mkdir()
        shutil.copytree(template() / way, folder / way)
        if way == "pull":
            shutil.copytree(template() / "store", folder / "store")
    return traced(DRIVER, way, str(folder / way), str(folder / "store"), where=folder, strace=strace)


@functools.cache
def disk_calls(way: str) -> tuple[Cut, ...]:
    """List its disk calls."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(way, Path(name) / "x", *listing(log))
        assert (done.returncode, "error" in done.stdout) == (0, False), (done.stdout, done.stderr)
        return calls_in(log, name)


def check(way: str, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Hold the promises, then do it again, and hold them again."""
    hold(way, folder, acknowledged="done" in done.stdout.split())
    again = run(way, folder)
    assert (again.returncode, again.stdout.split()) == (0, ["ready", "done", "over"]), (again.stdout, again.stderr)
    hold(way, folder, acknowledged=True)
    assert not list((folder / "store" / "tmp").glob("*"))


def hold(way: str, folder: Path, *, acknowledged: bool) -> None:
    """All bytes are sound; a mark, a manifest, a branch and a version stand for what is there whole."""
    if way == "pull":
        loop = opened(folder / "pull")
        with loop.ledger.read() as tx:
            assert tx.feed.verify("tiny") is None
            there = [tx.versions.get(ref.name.asset, ref.target) for ref in tx.refs.list("tiny")]
        for digest in loop.blobs.iter():
            loop.blobs.verify(digest)
        for version in there:
            assert whole(loop, version.artifact.digest) == FILES
        assert there or not acknowledged
        loop.ledger.close()
        return
    if not (folder / "store").exists():
        assert not acknowledged
        return
    store = store_at(str(folder / "store"), folder, new=False)
    for digest in store.blobs.iter():
        store.blobs.verify(digest)
    for root in marks(store.named):
        if marked(store.named, root):
            assert {one.path: store.blobs.read(one.digest) for one in Tree(store.blobs, root).iter()} == FILES
    stand, _ = Shelf(store, ROWS.asset).stand("main")
    assert stand or not acknowledged
    if stand:
        assert marked(store.named, Digest(stand.root))
        assert Shelf(store, ROWS.asset).get(ROWS.revision).root == stand.root


def whole(loop: Loop, root: Digest) -> dict[str, bytes]:
    return {one.path: loop.blobs.read(one.digest) for one in Tree(loop.blobs, root).iter()}


@pytest.mark.parametrize("way", ["push", "pull"])
def test_the_calls_that_matter_are_among_those_tried(way: str) -> None:
    """Each way writes, syncs and renames: otherwise the tests below would try nothing."""
    names = Counter(name for name, _ in disk_calls(way))
    assert names["fsync"] >= 6, names
    assert names["rename"] >= 2, names


@pytest.mark.parametrize("way", ["push", "pull"])
def test_killed_at_a_sample_of_the_calls(way: str, tmp_path: Path) -> None:
    """SIGKILL at six disk calls, spread over all, leaves nothing that lies; the same command again finishes the work."""
    for turn, cut in enumerate(some(disk_calls(way), 6)):
        folder = tmp_path / str(turn)
        done = run(way, folder, *killing(cut))
        if done.returncode != -9:  # threads: a call may be another thread's this time, and then the work is done
            assert (done.returncode, done.stdout.split()[-1:]) == (0, ["over"]), (cut, done.stdout, done.stderr)
        check(way, folder, done)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", sorted(KINDS))
@pytest.mark.parametrize("way", ["push", "pull"])
def test_an_error_at_a_sample_of_the_calls(way: str, error: str, tmp_path: Path) -> None:
    """Each of three calls, spread over all, that fails once is told as what it is or does not matter."""
    for turn, cut in enumerate(some(disk_calls(way), 3)):
        folder = tmp_path / str(turn)
        done = run(way, folder, *failing(cut, error))
        said = done.stdout.splitlines()
        assert done.returncode in {0, 3}, (cut, done.stdout, done.stderr)
        assert said[-1:] == ["over"], (cut, said, done.stderr)
        assert {line.split()[1] for line in said if line.startswith("error")} <= KINDS[error], (cut, said)
        check(way, folder, done)
        shutil.rmtree(folder)
