"""What a put leaves behind when the disk fails, or the process dies, at any of its disk calls (strace injects that)."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from loopline.store.local import LocalBlobs

from .stracing import CALL, failing, killing, some, strace

__all__ = ["strace"]
SCRIPT = """
import sys
from pathlib import Path
from loopline.errors import Unavailable
from loopline.store.local import LocalBlobs
way, folder, source = sys.argv[1:]
blobs = LocalBlobs(Path(folder))
data = Path(source).read_bytes()
try:
    if way == "put":
        print(blobs.put(data), flush=True)
    elif way == "put_all":
        print(*blobs.put_all(data[at : at + 150] for at in range(100)), flush=True)
    elif way == "put_file":
        print(blobs.put_file(Path(source))[0], flush=True)
    else:
        with blobs.writer() as writer:
            writer.write(data[:100])
            writer.write(data[100:])
            print(writer.commit()[0], flush=True)
except Unavailable as caught:
    print(caught.kind, flush=True)
    sys.exit(3)
except OSError:
    if way != "put_file":
        raise
    sys.exit(4)  # the source could not be read: that is the caller's affair
"""
DATA = bytes(range(256)) * 64
KINDS = {"ENOSPC": "disk-full", "EDQUOT": "disk-full", "EROFS": "store-read-only", "EIO": "store-broken"}
ITEMS = [DATA[at : at + 150] for at in range(100)]
"""Small ones that come together, and become a pack."""
WAYS = ("put", "put_file", "writer", "put_all")


pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("strace")]


def run(way: str, folder: Path, *strace: str) -> subprocess.CompletedProcess[str]:
    """Put DATA into the store in a process of its own, under strace."""
    source = folder.parent / "source"
    source.write_bytes(DATA)
    command = ["strace", *strace, sys.executable, "-I", "-B", "-c", SCRIPT, way, str(folder), str(source)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@functools.cache
def disk_calls(way: str) -> tuple[tuple[str, int], ...]:
    """List the disk calls of one put, from the first that touches the store to its answer: (name, which of that name)."""
    with tempfile.TemporaryDirectory() as home:
        folder, log = Path(home) / "store", Path(home) / "calls"
        assert run(way, folder, "-e", "trace=%file,%desc", "-o", str(log)).returncode == 0
        counts: Counter[str] = Counter()
        calls: list[tuple[str, int]] = []
        for line in log.read_text(errors="replace").splitlines():
            if (match := CALL.match(line)) is None:
                continue
            name, words = match[2], match[3]
            counts[name] += 1
            if name == "write" and words.startswith("1, "):
                break
            if name != "execve" and (calls or str(folder) in words):
                calls.append((name, counts[name]))
    return tuple(calls)


def check(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Hold the promises: whole or absent, there if it was acknowledged, and a retry works and tidies up."""
    blobs = LocalBlobs(folder)
    kept = list(blobs.iter())
    for digest in kept:
        blobs.verify(digest)
    if done.stdout.startswith("sha256:"):
        assert sorted(kept) == sorted(done.stdout.split()), "it was acknowledged"
    assert blobs.read(LocalBlobs(folder).put(DATA)) == DATA
    digests = LocalBlobs(folder).put_all(ITEMS)
    assert dict(blobs.read_all(digests)) == dict(zip(digests, ITEMS, strict=True))
    packed = list((folder / "packs").iterdir())
    assert {path.stem for path in packed if path.suffix == ".idx"} == {path.stem for path in packed}, (
        "no half of a pack is left"
    )
    with LocalBlobs(folder).writer() as writer:
        writer.commit()
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_the_calls_that_matter_are_among_those_tried(way: str) -> None:
    """The listing sees the writes, the syncs and the rename: otherwise the tests below would try nothing."""
    names = Counter(name for name, _ in disk_calls(way))
    assert {"write", "fsync"} <= set(names)
    assert any(name.startswith("rename") for name in names)
    assert names["fsync"] >= 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
def test_killed_at_up_to_forty_calls(way: str, tmp_path: Path) -> None:
    """SIGKILL at each of forty disk calls, spread over all, leaves the blob whole or absent."""
    for turn, (name, when) in enumerate(some(disk_calls(way), 40)):
        folder = tmp_path / str(turn) / "store"
        folder.parent.mkdir()
        done = run(way, folder, *killing((name, when)))
        assert (done.returncode, done.stdout) == (-9, ""), (name, when, done.stderr)
        check(folder, done)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_an_error_at_up_to_sixty_calls(way: str, error: str, tmp_path: Path) -> None:
    """A failing disk call is told as what it is, or does not matter; either way nothing half is left."""
    kinds: Counter[str] = Counter()
    tried = some(disk_calls(way), 60)
    for turn, (name, when) in enumerate(tried):
        folder = tmp_path / str(turn) / "store"
        folder.parent.mkdir()
        done = run(way, folder, *failing((name, when), error))
        if done.returncode == 3:
            kinds[done.stdout.strip()] += 1
            left = list((folder / "tmp").glob("*")) if not name.startswith("unlink") else []
            assert left == [], (name, when)
        else:
            assert done.returncode == 0 or (done.returncode, way) == (4, "put_file"), (name, when, done.stderr)
        check(folder, done)
    assert set(kinds) == {KINDS[error]}
    least = 4 if len(tried) == len(disk_calls(way)) else 1
    assert kinds[KINDS[error]] >= least, "the write, two syncs and the rename at least"
