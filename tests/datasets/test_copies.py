"""Blobs written to files: verified, shared where that can be, and never half."""

from __future__ import annotations

import errno
import fcntl
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.datasets import copies as module
from loopline.datasets.copies import SHARED, Copies
from loopline.datasets.near import SMALL
from loopline.datasets.scan import stamp_of
from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.store.foreign import WithForeign
from loopline.store.leased import Leased
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs
from loopline.store.named import LocalNamed
from loopline.store.pieces import LARGE


def made_in(folder: Path, copies: Copies, entries: list[Entry]) -> list[tuple[Entry, Path]]:
    """Write entries to numbered files."""
    named = [(entry, str(folder / f"{number}")) for number, entry in enumerate(entries)]
    stamps = copies.write_group(named)
    assert stamps == [stamp_of(Path(file).stat()) for _, file in named]
    return [(entry, Path(file)) for entry, file in named]


def test_copies_hold_what_their_entries_say(scratch: Path) -> None:
    """Bytes, mode and time are right, of small and of large ones."""
    blobs = MemoryBlobs()
    entries = [
        Entry(f"{n:03d}", blobs.put(b"x" * n * 977), n * 977, 0o755 if n % 3 == 0 else 0o644) for n in range(200)
    ]
    for entry, file in made_in(scratch, Copies(blobs, mtime=123_456_789), entries):
        status = file.stat()
        assert digest_of(file.read_bytes()) == entry.digest
        assert (status.st_mtime_ns, bool(status.st_mode & 0o100)) == (123_456_789, entry.mode == 0o755)


def test_extents_are_shared_where_the_file_system_can(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sharing is tried by doing it: while it works, no bytes are copied, and what is damaged is not handed on."""
    blobs = LocalBlobs(tmp_path / "store")
    large = b"#" * SHARED
    entries = [Entry(f"{n}", blobs.put(b"%d" % n + large), 1 + SHARED) for n in range(9)]
    entries.append(Entry("small", blobs.put(b"small"), 5))
    asked = []

    def share(number: int, request: int, source: int) -> int:
        asked.append(request)
        return os.write(number, os.read(source, 2 * SHARED))

    monkeypatch.setattr(fcntl, "ioctl", share)
    made = made_in(scratch, Copies(blobs, mtime=1), entries)
    assert [file.read_bytes() for _, file in made] == [*(b"%d" % n + large for n in range(9)), b"small"]
    assert asked == [0x40049409] * 9
    lost = blobs.path(entries[0].digest)
    assert lost is not None
    lost.chmod(0o644)
    lost.write_bytes(b"?")
    for file in scratch.iterdir():
        file.unlink()
    with pytest.raises(Unavailable) as caught:
        made_in(scratch, Copies(blobs, mtime=1), entries[:1])
    assert caught.value.kind == "blob-corrupt"


def test_a_file_system_that_cannot_share_is_asked_once(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first refusal bytes are copied, verified, without asking again."""
    blobs = LocalBlobs(tmp_path / "store")
    entries = [Entry(f"{n}", blobs.put(b"%03d" % n + bytes(SHARED)), 3 + SHARED) for n in range(100)]
    asked = []

    def refuse(number: int, request: int, source: int) -> int:
        asked.append(number)
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    assert len(made_in(scratch, Copies(blobs, mtime=1), entries)) == 100
    assert len(asked) == 1


def test_a_damaged_or_missing_blob_is_never_handed_on(scratch: Path) -> None:
    """What does not hash to its digest, or has another size than the tree says, stops the work with its path or digest."""
    blobs = MemoryBlobs()
    good = blobs.put(b"good")
    blobs.held[digest_of(b"bad")] = b"flipped"
    for entry, kind in (
        (Entry("a", digest_of(b"bad"), 3), "blob-corrupt"),
        (Entry("a", digest_of(b"none"), 4), "blob-missing"),
        (Entry("a", good, 5), "tree-corrupt"),
    ):
        with pytest.raises((Unavailable, NotFound)) as caught:
            made_in(scratch, Copies(blobs, mtime=1), [entry])
        assert caught.value.kind == kind
        for file in scratch.iterdir():
            file.unlink()


def test_a_large_blob_is_verified_by_its_pieces(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not hashed anew; what is damaged, or longer than the tree says, stops the work."""
    blobs, data = LocalBlobs(tmp_path / "store"), os.urandom(LARGE + 5)
    with blobs.writer() as writer:
        writer.write(data)
        digest, size = writer.commit()
    with monkeypatch.context() as patch:
        patch.setattr(LocalBlobs, "_stream", None)
        ((_, file),) = made_in(scratch, Copies(blobs, mtime=1), [Entry("a", digest, size)])
    assert Path(file).read_bytes() == data
    Path(file).unlink()
    for entry, at, kind in (
        (Entry("a", digest, size - 1), None, "tree-corrupt"),
        (Entry("a", digest, size), LARGE, "blob-corrupt"),
    ):
        if at is not None:
            kept = blobs.path(digest)
            assert kept is not None
            kept.chmod(0o644)
            kept.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(Unavailable) as caught:
            made_in(scratch, Copies(blobs, mtime=1), [entry])
        assert caught.value.kind == kind
        for left in scratch.iterdir():
            left.unlink()


def test_a_full_disk_is_told_as_such(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space left names the file and the remedy."""

    class Endless(MemoryBlobs):
        def get(self, digest: Digest) -> Iterator[bytes]:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(number: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unavailable) as caught:
        made_in(scratch, Copies(Endless(), mtime=1), [Entry("a/b", digest_of(b""), SMALL + 1)])
    assert (caught.value.kind, caught.value.facts["path"]) == ("disk-full", "a/b")
    blobs = MemoryBlobs()
    small = Entry("a/b", blobs.put(b"x"), 1)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Unavailable) as caught:
        made_in(scratch.parent, Copies(blobs, mtime=1), [small])
    assert (caught.value.kind, caught.value.facts["path"]) == ("disk-full", "a/b")


def test_sharing_uses_the_request_of_linux() -> None:
    """The request's number is _IOW(0x94, 9, int)."""
    assert module.FICLONE == (1 << 30) | (4 << 16) | (0x94 << 8) | 9


def test_a_copy_writes_in_another_process(scratch: Path, tmp_path: Path) -> None:
    """That of a project's store on this machine does; not one that counts links, nor one of a store that is only in memory."""
    local = LocalBlobs(tmp_path / "store")
    blobs = Leased(WithForeign(local, LocalNamed(local), sums=local), lambda: None)
    entries = [Entry(f"{n}", blobs.put(b"%d" % n), 1) for n in range(9)]
    copies = Copies(blobs, mtime=77)
    assert copies.crosses
    for entry, file in made_in(scratch, pickle.loads(pickle.dumps(copies)), entries):
        assert (digest_of(file.read_bytes()), file.stat().st_mtime_ns) == (entry.digest, 77)
    assert not Copies(blobs, mtime=77, link=True).crosses
    assert not Copies(MemoryBlobs(), mtime=77).crosses
