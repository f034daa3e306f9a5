"""Single files on this machine are no more than their limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.sdk import trimming
from loopline.sdk.parts import Parts
from loopline.sdk.trimming import trim
from loopline.store.memory import MemoryBlobs

SIZE = 64 << 10
ONE, TWO, THREE = digest_of(b"one tree"), digest_of(b"two trees"), digest_of(b"three trees")


@pytest.fixture
def blobs() -> MemoryBlobs:
    """An empty store."""
    return MemoryBlobs()


@pytest.fixture(autouse=True)
def _alone() -> None:
    let_go()


def let_go() -> None:
    """Be a process that was given nothing."""
    while trimming._held:
        os.close(trimming._held.popitem()[1])


def entry(blobs: MemoryBlobs, path: str, filled: int) -> Entry:
    data = bytes([filled]) * SIZE
    return Entry(path, blobs.put(data), SIZE)


def unused(path: Path, hours: float) -> None:
    """Let a file have been used so long ago."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns - int(hours * 3600e9), state.st_mtime_ns))


def test_the_least_used_go_with_all_their_names(blobs: MemoryBlobs, tmp_path: Path) -> None:
    """What was used longest ago goes from every version; what was used just now stays, and what is left can be had again."""
    old, new = entry(blobs, "a/old", 1), entry(blobs, "b/new", 2)
    first = list(Parts(blobs, ONE, tmp_path).take([old, new]))
    (same,) = Parts(blobs, TWO, tmp_path).take([old])
    unused(first[0], 5)
    unused(first[1], 3)
    let_go()
    assert trim(tmp_path, 2 * SIZE) == 2 * SIZE
    assert trim(tmp_path, 2 * SIZE - 1) == SIZE
    assert [one.exists() for one in (first[0], same, first[1])] == [False, False, True]
    assert sorted(one.name for one in (tmp_path / "parts").iterdir()) == sorted([".look", ONE[7:], f"{ONE[7:]}.used"])
    assert len(list((tmp_path / "files").iterdir())) == 1
    assert next(Parts(blobs, TWO, tmp_path).take([old])).read_bytes() == b"\1" * SIZE
    let_go()
    assert trim(tmp_path, 0) == SIZE, "what was used within minutes stays"


def test_what_a_process_was_given_stays(blobs: MemoryBlobs, tmp_path: Path) -> None:
    """As long as a process lives, or a child of it, the files that it asked for stay, however long ago that was."""
    one, two = entry(blobs, "a", 1), entry(blobs, "b", 2)
    (path,) = Parts(blobs, ONE, tmp_path).take([one])
    file = Parts(blobs, two.digest, tmp_path).keep(two)
    unused(path, 5)
    unused(file, 5)
    assert trim(tmp_path, 0) == 2 * SIZE
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    let_go()
    try:
        assert trim(tmp_path, 0) == 2 * SIZE
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert trim(tmp_path, 0) == 0
    assert not path.exists()
    assert not file.exists()


def test_it_is_looked_now_and_then(blobs: MemoryBlobs, tmp_path: Path) -> None:
    """Fetching itself keeps the limit, and looks at all that is there only when much has come or some time has passed."""
    for number, tree in enumerate((ONE, TWO, THREE)):
        (path,) = Parts(blobs, tree, tmp_path, limit=5 * SIZE // 2).take([entry(blobs, "a", number)])
        unused(path, 5 - number)
        let_go()
    assert len(list((tmp_path / "files").iterdir())) == 2


def test_what_a_killed_process_began_goes(tmp_path: Path) -> None:
    """A file that nobody writes, and that a day ago was begun, is removed; a younger one may be gone on with."""
    (tmp_path / "files").mkdir()
    for name, hours in (("old", 30), ("new", 1)):
        path = tmp_path / "files" / f".fresh-{name}"
        path.write_bytes(b"half")
        os.utime(path, (trimming.now() - 3600 * hours,) * 2)
    trim(tmp_path, 1 << 30)
    assert [one.name for one in (tmp_path / "files").iterdir()] == [".fresh-new"]
