"""Single files of versions are put on the disk once, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.sdk import parts
from loopline.sdk.parts import Parts
from loopline.store.memory import MemoryBlobs

TREE, OTHER = digest_of(b"one tree"), digest_of(b"another")


class Counted(MemoryBlobs):
    """A store that counts how often a blob is read, and may break on the way."""

    breaks = False

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, digest: Digest) -> Iterator[bytes]:
        self.reads += 1
        data = self.held[digest]
        yield data[: len(data) // 2]
        if self.breaks:
            raise Unavailable("the line is cut", kind="store-unreachable", hint="wait")
        yield data[len(data) // 2 :]


@pytest.fixture
def blobs() -> Counted:
    """An empty store."""
    return Counted()


def entry(blobs: Counted, path: str, data: bytes, mode: int = 0o644) -> Entry:
    return Entry(path, blobs.put(data), len(data), mode)


def left(folder: Path) -> list[str]:
    files = (one for one in folder.rglob("*") if one.is_file() and one.suffix != ".used" and one.name != ".look")
    return sorted(str(one.relative_to(folder)) for one in files)


def test_a_file_is_fetched_once_for_all_versions(blobs: Counted, tmp_path: Path) -> None:
    """The same bytes under another path, in another version, or asked for again are not read from the store again."""
    a, b = entry(blobs, "a/b.csv", b"1,2"), entry(blobs, "c.csv", b"1,2")
    first = list(Parts(blobs, TREE, tmp_path).take([a, b]))
    assert [one.read_bytes() for one in first] == [b"1,2"] * 2
    assert list(Parts(blobs, TREE, tmp_path).take([a, b])) == first
    (other,) = Parts(blobs, OTHER, tmp_path).take([b])
    assert other.read_bytes() == b"1,2"
    assert blobs.reads == 1
    assert [one.stat().st_mode & 0o777 for one in first] == [0o444] * 2


def test_what_may_be_executed_may_be(blobs: Counted, tmp_path: Path) -> None:
    """The same bytes with and without the bit are two files."""
    plain, runs = Parts(blobs, TREE, tmp_path).take([
        entry(blobs, "a", b"#!/bin/sh"),
        entry(blobs, "b", b"#!/bin/sh", 0o755),
    ])
    assert (os.access(plain, os.X_OK), os.access(runs, os.X_OK)) == (False, True) or os.geteuid() == 0
    assert (plain.stat().st_mode & 0o777, runs.stat().st_mode & 0o777) == (0o444, 0o555)


def test_a_fetch_that_breaks_leaves_no_file(blobs: Counted, tmp_path: Path) -> None:
    """After a cut there is nothing under the file's name, and the next try takes the place of what came."""
    one = entry(blobs, "a.csv", b"0123456789")
    blobs.breaks = True
    with pytest.raises(Unavailable):
        list(Parts(blobs, TREE, tmp_path).take([one]))
    assert [Path(name).name[:7] for name in left(tmp_path)] == [".fresh-"]
    blobs.breaks = False
    (path,) = Parts(blobs, TREE, tmp_path).take([one])
    assert path.read_bytes() == b"0123456789"
    assert len(left(tmp_path)) == 2


@pytest.mark.parametrize("where", ["files", "parts"])
def test_a_file_that_was_cut_is_fetched_again(blobs: Counted, tmp_path: Path, where: str) -> None:
    """A file that lost its end, as after a loss of power, does not stay so."""
    one = entry(blobs, "a.csv", b"0123456789")
    list(Parts(blobs, TREE, tmp_path).take([one]))
    for path in (tmp_path / where).rglob("*"):
        if path.is_file():
            path.unlink()
            path.write_bytes(b"01")
    (path,) = Parts(blobs, TREE, tmp_path).take([one])
    assert path.read_bytes() == b"0123456789"


def test_a_file_that_somebody_wrote_to_is_fetched_again(blobs: Counted, tmp_path: Path) -> None:
    """Who may do anything, as in a container, and writes to a file, spoils it for nobody, even where it keeps its size."""
    one = entry(blobs, "a.csv", b"0123456789")
    for of in (Parts(blobs, TREE, tmp_path), Parts(blobs, OTHER, tmp_path)):
        (path,) = of.take([one])
        assert path.read_bytes() == b"0123456789"
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.write(b"x")


def test_a_full_disk_is_told_as_one(blobs: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file does not fit, the error says so, and there is no file."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts, "write_all", full)
    with pytest.raises(Unavailable) as caught:
        list(Parts(blobs, TREE, tmp_path).take([entry(blobs, "a.csv", b"12")]))
    assert caught.value.kind == "disk-full"
    assert not (tmp_path / "parts" / TREE[7:]).exists()


def test_many_threads_fetch_once(blobs: Counted, tmp_path: Path) -> None:
    """Whoever comes second waits for the first, and finds what it made."""
    one = entry(blobs, "a.csv", b"x" * 1000)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.extend(Parts(blobs, TREE, tmp_path).take([one]))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.read_bytes() for path in found} == {b"x" * 1000}
    assert (len(found), blobs.reads) == (8, 1)


def test_who_waits_for_a_killed_writer_writes(blobs: Counted, tmp_path: Path) -> None:
    """What a killed process began is locked by nobody; while somebody writes, others wait."""
    one = entry(blobs, "a.csv", b"0123456789")
    fresh = tmp_path / "files" / f".fresh-{one.digest[7:]}"
    fresh.parent.mkdir()
    fresh.write_bytes(b"half of something longer")
    done: list[Path] = []
    with fresh.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: done.extend(Parts(blobs, TREE, tmp_path).take([one])))
        thread.start()
        thread.join(0.1)
        assert not done
    thread.join()
    assert done[0].read_bytes() == b"0123456789"


def test_where_a_file_may_have_no_more_names(blobs: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without links, or with too few, gets copies."""

    def refused(*_: object) -> None:
        raise OSError(31, "Too many links")

    monkeypatch.setattr(os, "link", refused)
    (path,) = Parts(blobs, TREE, tmp_path).take([entry(blobs, "a.csv", b"12")])
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"12", 0o444)
