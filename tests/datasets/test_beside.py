"""Files of a checkout that are written beside each other, by threads or by processes, some of which die."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from loopline.datasets import beside, hands
from loopline.datasets.beside import written
from loopline.datasets.blocks import Stamp
from loopline.datasets.checkout import checkout
from loopline.datasets.copies import Copies, Group
from loopline.datasets.index import Index
from loopline.datasets.near import SMALL
from loopline.datasets.placing import Place
from loopline.datasets.scan import stamp_of
from loopline.datasets.tree import build
from loopline.datasets.unwritable import failed
from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs

FILES = 61
DYING = """
import os
from loopline.datasets import copies, hands

def dying(self, group, whole=copies.Copies.write_group):
    if any(entry.path == {doomed!r} for entry, _ in group):
        with open(group[0][1], "w") as half:
            half.write("half of it")
        open({mark!r}, "w").close()
        os.kill(os.getpid(), 9)
    return whole(self, group)

copies.Copies.write_group = dying
hands.main()
"""


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """An empty store."""
    return LocalBlobs(tmp_path / "store")


@pytest.fixture
def processes(started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Write few files by processes as well, a few in a group; those that were started are in this list."""
    monkeypatch.setattr(beside, "MANY", 1)
    monkeypatch.setattr(beside, "GROUP", 4)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    return started


def entries_in(blobs: LocalBlobs | MemoryBlobs) -> list[Entry]:
    """Keep some files."""
    bodies = [b"%d" % number * (number % 7) for number in range(FILES)]
    digests = blobs.put_all(bodies)
    return [
        Entry(f"{number:02d}", digest, len(body), 0o755 if number % 5 == 0 else 0o644)
        for number, (digest, body) in enumerate(zip(digests, bodies, strict=True))
    ]


def check(copies: Copies, entries: list[Entry], scratch: Path) -> None:
    """Write them; each is as it is to be, and they are told in order."""
    held = os.open(scratch, os.O_RDONLY)
    named = ((entry, str(scratch / entry.path)) for entry in entries)
    told = list(written(copies, named, count=len(entries), held=held))
    os.close(held)
    assert [entry for entry, _, _ in told] == entries
    for entry, file, stamp in told:
        status = Path(file).stat()
        assert stamp == stamp_of(status)
        assert (status.st_mtime_ns, bool(status.st_mode & 0o100)) == (7_000, entry.mode == 0o755)
        assert digest_of(Path(file).read_bytes()) == entry.digest


def test_threads_write_what_stays_in_this_process(
    scratch: Path, processes: list[subprocess.Popen[bytes]], blobs: LocalBlobs
) -> None:
    """A store in memory, and one to whose files links are made, are no other process's business."""
    memory = MemoryBlobs()
    check(Copies(memory, mtime=7_000), entries_in(memory), scratch)
    (scratch / "linked").mkdir()
    check(Copies(blobs, mtime=7_000, link=True), entries_in(blobs), scratch / "linked")
    assert processes == []


def test_many_files_are_written_by_processes(
    scratch: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is written here, and the processes have gone when the last one is told."""
    monkeypatch.setattr(Copies, "write_group", None)
    check(Copies(blobs, mtime=7_000), entries_in(blobs), scratch)
    assert [one.returncode for one in processes] == [-9, -9]


def test_large_files_among_them_are_written_here(
    scratch: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They alone are, and all come in order, whoever has written them."""
    here, real = list[str](), Copies.write_group

    def write(copies: Copies, group: Group) -> list[Stamp]:
        here.extend(entry.path for entry, _ in group)
        return real(copies, group)

    monkeypatch.setattr(Copies, "write_group", write)
    entries = entries_in(blobs)
    for place in (0, 7, 8, 30, 60):
        data = os.urandom(SMALL + 1 + place)
        entries[place] = Entry(entries[place].path, blobs.put(data), len(data))
    check(Copies(blobs, mtime=7_000), entries, scratch)
    assert here == ["00", "07", "08", "30", "60"]
    assert len(processes) == 2


@pytest.mark.parametrize("doomed", ["00", "33", "60"])
def test_what_a_dead_process_has_left_is_done_here(
    tmp_path: Path,
    scratch: Path,
    processes: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    doomed: str,
) -> None:
    """One that is killed with half a file written leaves nothing undone and nothing half."""
    monkeypatch.setattr(hands, "_START", DYING.format(doomed=doomed, mark=str(tmp_path / "died")))
    blobs = LocalBlobs(tmp_path / "store")
    check(Copies(blobs, mtime=7_000), entries_in(blobs), scratch)
    assert (tmp_path / "died").exists()
    assert [one.returncode for one in processes] == [-9, -9]


def test_all_of_them_may_be_of_no_use(
    scratch: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then threads do all there is to do."""
    monkeypatch.setattr(hands, "_START", "import none_of_that_name")
    check(Copies(blobs, mtime=7_000), entries_in(blobs), scratch)
    assert [one.returncode for one in processes] == [1, 1]


def test_an_error_of_a_process_is_raised_here(
    scratch: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]]
) -> None:
    """It has its class, its kind and its facts, and no process is left."""
    entries = entries_in(blobs)
    entries[40] = Entry("40", entries[40].digest, 999)
    with pytest.raises(Unavailable) as caught:
        check(Copies(blobs, mtime=7_000), entries, scratch)
    assert (caught.value.kind, caught.value.facts["path"]) == ("tree-corrupt", "40")
    assert [one.poll() for one in processes] == [-9, -9]


def test_who_stops_listening_ends_them(
    scratch: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]]
) -> None:
    """No process writes on for somebody who has gone."""
    entries = entries_in(blobs)
    held = os.open(scratch, os.O_RDONLY)
    named = ((entry, str(scratch / entry.path)) for entry in entries)
    some = written(Copies(blobs, mtime=1), named, count=len(entries), held=held)
    next(some)
    some.close()
    os.close(held)
    assert [one.poll() for one in processes] == [-9, -9]


def test_a_file_that_cannot_be_placed_ends_them(
    tmp_path: Path, blobs: LocalBlobs, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever still has the error in hand may try again: the folder is free."""
    root = build(blobs, entries_in(blobs))
    index = Index(tmp_path / "index")

    def put(place: Place, file: str, path: str) -> None:
        raise failed(path, PermissionError(errno.EACCES, "Permission denied"))

    (tmp_path / "out").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Place, "put", put)
        with pytest.raises(Unavailable) as caught:
            checkout(blobs, root, tmp_path / "out", index)
    assert caught.value.kind == "folder-unwritable"
    assert [one.poll() for one in processes] == [-9, -9]
    assert checkout(blobs, root, tmp_path / "out", index).written == FILES
