"""What is left of a store when a collector is killed, or its disk fails, at disk calls of its work (strace injects that).

A sample of the calls is tried each time, as in `test_work_disk_calls.py`.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from loopline.loop import Loop
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.settings import load_settings
from loopline.store.local import LocalBlobs
from loopline.verbs import condemning, load
from loopline.wiring import open_loop

from .stracing import Cut, calls_in, failing, killing, listing, some, strace, traced

__all__ = ["strace"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("strace")]

DRIVER = """
import sys
from pathlib import Path
from loopline.errors import LooplineError
from loopline.settings import load_settings
from loopline.verbs.condemning import Terms, collect, empty, restore
from loopline.wiring import open_loop
loop = open_loop(load_settings(Path("."), environ={"USER": "ann"}))
terms = Terms(keep=0, after=0, trash=0, patience=0)
print("ready", flush=True)
try:
    for what in (collect, empty) if sys.argv[1] == "collect" else (collect, lambda loop, _: restore(loop, None)):
        print(what(loop, terms).state, flush=True)
except LooplineError as error:
    print("error", error.kind, flush=True)
print("over", flush=True)
"""
ROWS = AssetName("tiny", "data", "rows")
NOW = condemning.Terms(keep=0, after=0, trash=0, patience=0)
BODIES = [b"row %d\n" % number for number in range(60)]
LIVE = BODIES[:24]
"""Less than half of a pack, so that it is written anew."""
BIG, GONE = b"x" * 40_000, b"y" * 40_000
WAYS = ("collect", "restore")


def opened(folder: Path) -> Loop:
    """Open the project."""
    return open_loop(load_settings(folder, environ={"USER": "ann"}))


@functools.cache
def template() -> Path:
    """Make a project with a version that lives and bytes that nothing names, and note these once."""
    home = Path(tempfile.mkdtemp(prefix="loopline-faults-")) / "tiny"
    home.mkdir()
    atexit.register(shutil.rmtree, home.parent, ignore_errors=True)
    (home / "loopline.toml").write_text('[project]\nname = "tiny"\n')
    loop = opened(home)
    from loopline.datasets.tree import build

    loop.blobs.put_all([*BODIES, BIG, GONE])
    entries = [Entry(f"{at:02}", digest_of(one), len(one)) for at, one in enumerate([*LIVE, BIG])]
    load("add")(loop, ROWS, tree=build(loop.blobs, entries))
    assert condemning.collect(loop, NOW).objects == len(BODIES) - len(LIVE) + 1
    loop.ledger.close()
    return home


def run(way: str, folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Collect in a process of its own, under strace, in a copy of the project."""
    if not folder.exists():
        shutil.copytree(template(), folder)
    return traced(DRIVER, way, where=folder, strace=strace)


@functools.cache
def disk_calls(way: str) -> tuple[Cut, ...]:
    """List its disk calls."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        done = run(way, Path(name) / "tiny", *listing(log))
        assert (done.returncode, "error" in done.stdout) == (0, False), (done.stdout, done.stderr)
        return calls_in(log, name)


def check(way: str, folder: Path) -> None:
    """What is named is there, before anybody asks and after; the next collector comes to the end."""
    store = folder / ".loopline"
    looking = LocalBlobs(store)
    looking._took_back = lambda digests: False  # type: ignore[method-assign]  # noqa: ARG005 - its name
    for body in (*LIVE, BIG):
        assert looking.read(digest_of(body)) == body, "in the store or in the trash"
    loop = opened(folder)
    assert [one.state for one in load("verify")(loop, deep=True)] == ["ok", "ok"]
    with loop.ledger.telemetry() as tables:
        tables.rows.do("UPDATE leases SET until = 0")  # or ten minutes go by
    loop.ledger.close()
    for _ in range(2):
        again = run("collect", folder)
        assert (again.returncode, "error" in again.stdout) == (0, False), (again.stdout, again.stderr)
    named = {digest_of(body) for body in (*LIVE, BIG)}
    left: set[Digest] = set(LocalBlobs(store).iter())
    assert named <= left
    dead = {digest_of(body) for body in (*BODIES, GONE)} - named
    assert left & dead == set()
    assert LocalBlobs(store).missing(dead) == dead
    assert way in WAYS


def test_the_calls_that_matter_are_among_those_tried() -> None:
    """A collector renames, syncs and removes: otherwise the tests below would try nothing."""
    for way in WAYS:
        names = {name for name, _ in disk_calls(way)}
        assert {"rename", "fsync", "unlink"} <= names, (way, names)


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_a_sample_of_the_calls(way: str, tmp_path: Path) -> None:
    """SIGKILL at a disk call loses nothing that is named."""
    for turn, cut in enumerate(some(disk_calls(way), 4)):
        folder = tmp_path / str(turn)
        done = run(way, folder, *killing(cut))
        assert done.returncode == -9, (cut, done.stderr)
        check(way, folder)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_error_at_a_sample_of_the_calls(error: str, tmp_path: Path) -> None:
    """A disk that fails once loses nothing that is named."""
    for turn, cut in enumerate(some(disk_calls("collect"), 3)):
        folder = tmp_path / str(turn)
        run("collect", folder, *failing(cut, error))
        check("collect", folder)
