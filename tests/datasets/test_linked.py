"""Folders whose files are hard links to the store's: who writes into one is found out, and nobody's bytes are lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.datasets import copies, placing
from loopline.datasets.blocks import Stamp
from loopline.datasets.build import build_folder
from loopline.datasets.checkout import SCRATCH, CheckedOut, checkout
from loopline.datasets.index import Index
from loopline.datasets.linked import part_written
from loopline.datasets.parts import Parts
from loopline.datasets.standing import status
from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs

LARGE = b"flights\n" * 8000
OTHER = b"delays\n\n" * 8000


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """An empty store."""
    return LocalBlobs(tmp_path / "store")


@pytest.fixture(autouse=True)
def no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this file system cannot share extents, whichever it is."""
    monkeypatch.setattr(copies, "FICLONE", 0)


@pytest.fixture
def root(blobs: LocalBlobs) -> Digest:
    """A tree with two large files, one that runs, and small ones in a pack."""
    small = blobs.put_all([b"%d" % number for number in range(50)])
    return build(blobs, [
        Entry("a.bin", blobs.put(LARGE), len(LARGE)),
        Entry("jan/b.bin", blobs.put(OTHER), len(OTHER)),
        Entry("run", blobs.put(LARGE), len(LARGE), 0o755),
        Entry("small", small[7], 1),
    ])  # fmt: skip


def index_of(folder: Path) -> Index:
    """Open the index of a folder."""
    return Index(folder.with_suffix(".index"))


def out(blobs: LocalBlobs, root: Digest, folder: Path, *, link: bool = True, force: bool = False) -> CheckedOut:
    """Check out."""
    return checkout(blobs, root, folder, index_of(folder), link=link, force=force)


def blob_file(blobs: LocalBlobs, data: bytes) -> Path:
    """Give where a blob lies, without writing it."""
    return Path(blobs.file_of(bytes.fromhex(digest_of(data)[7:])))


def digest_in(blobs: LocalBlobs, root: Digest, path: str) -> Digest:
    """Give the digest of a file of a tree."""
    entry = Tree(blobs, root).find(path)
    assert entry is not None
    return entry.digest


def write_into(file: Path, data: bytes, mode: int = 0o644) -> None:
    """Write into a file in its place, as a program does that is told to."""
    file.chmod(mode)
    with file.open("r+b") as held:
        held.write(data)


def written(blobs: LocalBlobs, folder: Path, parts: Parts | None = None) -> list[str]:
    """Look after a folder, and name what was written."""
    return [one.path for one in part_written(blobs, folder, index_of(folder), parts=parts or Parts())]


def words(blobs: LocalBlobs, root: Digest, folder: Path) -> list[tuple[str, str]]:
    """Give what differs."""
    return [(one.word, one.path) for one in status(blobs, root, folder, index_of(folder))]


def test_large_plain_files_are_linked(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """Those that run and those in packs are written; the answer counts, and the folder is as if all were written."""
    folder = tmp_path / "work"
    done = out(blobs, root, folder)
    assert (done.written, done.linked, done.saved) == (4, 2, len(LARGE) + len(OTHER))
    assert [(folder / one).stat().st_nlink for one in ("a.bin", "jan/b.bin", "run", "small")] == [2, 2, 1, 1]
    assert (folder / "a.bin").stat().st_mode & 0o7777 == 0o444
    assert (folder / "a.bin").samefile(blob_file(blobs, LARGE))
    assert words(blobs, root, folder) == []
    assert not (folder / SCRATCH).exists()
    assert out(blobs, root, tmp_path / "plain", link=False).linked == 0
    assert (tmp_path / "plain" / "a.bin").stat().st_nlink == 1


def test_no_file_is_read_again_after_a_checkout_with_links(
    blobs: LocalBlobs, root: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their stamps prove what they hold, as those of written ones do."""
    folder = tmp_path / "work"
    for data in (LARGE, OTHER):  # not in the tick in which it is linked: then it would be
        os.utime(blob_file(blobs, data), ns=(1, 1))
    out(blobs, root, folder)
    monkeypatch.setattr("loopline.datasets.hashing._hash", lambda *_: pytest.fail("read"))
    assert words(blobs, root, folder) == []


def test_extents_are_shared_where_they_can_be(
    blobs: LocalBlobs, root: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that shares its bytes and may be written is better than a link."""

    def clone(number: int, _: int, source: int) -> None:
        os.write(number, os.pread(source, 1 << 20, 0))

    monkeypatch.setattr("fcntl.ioctl", clone)
    assert out(blobs, root, tmp_path / "work").linked == 0
    assert (tmp_path / "work" / "a.bin").read_bytes() == LARGE
    assert (tmp_path / "work" / "a.bin").stat().st_nlink == 1


def test_a_damaged_blob_is_never_linked(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """The checkout says so as any other does."""
    file = blob_file(blobs, LARGE)
    write_into(file, b"X")
    file.chmod(0o444)
    with pytest.raises(Exception, match="damaged"):
        out(blobs, root, tmp_path / "work")
    assert not (tmp_path / "work" / "a.bin").exists()


def test_a_write_through_a_link_is_told_and_costs_nothing(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """The store sets its blob aside, the user's bytes stay in place, and become a version as any others."""
    folder = tmp_path / "work"
    out(blobs, root, folder)
    write_into(folder / "a.bin", b"FLIGHTS")
    mine = b"FLIGHTS" + LARGE[7:]
    assert written(blobs, folder) == ["a.bin"]
    assert written(blobs, folder) == []
    assert (folder / "a.bin").read_bytes() == mine
    assert words(blobs, root, folder) == [("changed", "a.bin")]
    assert not blob_file(blobs, LARGE).exists()
    assert [one.read_bytes() for one in (blobs.folder / "damaged").iterdir()] == [mine]
    built = build_folder(blobs, folder, index_of(folder))
    assert blobs.read(digest_in(blobs, built.root, "a.bin")) == mine
    blobs.put(LARGE)
    assert out(blobs, root, tmp_path / "again").linked == 2
    assert (folder / "a.bin").read_bytes() == mine


def test_it_is_found_under_another_name_and_with_its_old_time(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """A file that was moved and given its time back is still the store's."""
    folder = tmp_path / "work"
    out(blobs, root, folder)
    before = (folder / "a.bin").stat()
    (folder / "a.bin").rename(folder / "jan" / "moved.bin")
    write_into(folder / "jan" / "moved.bin", b"FLIGHTS")
    os.utime(folder / "jan" / "moved.bin", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert written(blobs, folder, Parts(["a.bin"])) == []
    assert written(blobs, folder, Parts(["jan"])) == ["jan/moved.bin"]


def test_other_folders_get_nothing_more_of_it(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """Of folders that link one file, the first that is looked at has one of its own from then on."""
    first, second = tmp_path / "first", tmp_path / "second"
    out(blobs, root, first)
    out(blobs, root, second)
    assert words(blobs, root, first) == []
    write_into(first / "a.bin", b"FLIGHTS")
    assert written(blobs, first) == ["a.bin"]
    assert not (first / "a.bin").samefile(second / "a.bin")
    assert not (first / SCRATCH).exists()
    write_into(first / "a.bin", b"XX")
    assert (second / "a.bin").read_bytes() == b"FLIGHTS" + LARGE[7:]
    assert words(blobs, root, second) == [("changed", "a.bin")]
    assert written(blobs, second) == []


def test_two_names_of_one_file_in_a_folder_are_both_told(blobs: LocalBlobs, tmp_path: Path) -> None:
    """Equal files are one file when they are linked."""
    digest = blobs.put(LARGE)
    root = build(blobs, [Entry(path, digest, len(LARGE)) for path in ("a", "b")])
    folder = tmp_path / "work"
    assert out(blobs, root, folder).linked == 2
    assert words(blobs, root, folder) == []
    write_into(folder / "b", b"FLIGHTS")
    assert sorted(written(blobs, folder)) == ["a", "b"]
    assert not (folder / "a").samefile(folder / "b")


def test_who_makes_a_file_writable_has_it_for_himself(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """Once that was seen, a write harms nobody; before, no blob is lost by it."""
    first, second = tmp_path / "first", tmp_path / "second"
    out(blobs, root, first)
    out(blobs, root, second)
    (first / "a.bin").chmod(0o755)
    assert written(blobs, first) == []
    assert words(blobs, root, first) == [("changed", "a.bin")]
    write_into(first / "a.bin", b"FLIGHTS")
    assert blobs.read(digest_in(blobs, root, "a.bin")) == LARGE
    assert (second / "a.bin").read_bytes() == LARGE


def test_replacing_and_removing_are_no_trouble(blobs: LocalBlobs, root: Digest, tmp_path: Path) -> None:
    """Neither by who works there nor by a checkout of another version, nor by a reclaim that takes the blob."""
    folder = tmp_path / "work"
    out(blobs, root, folder)
    other = build(blobs, [Entry("a.bin", blobs.put(OTHER), len(OTHER)), Entry("jan/b.bin", blobs.put(b"b"), 1)])
    out(blobs, other, folder)
    assert blob_file(blobs, LARGE).read_bytes() == LARGE
    assert blob_file(blobs, OTHER).read_bytes() == OTHER
    assert (folder / "a.bin").read_bytes() == OTHER
    (folder / "new").write_bytes(b"mine")
    (folder / "new").replace(folder / "a.bin")
    assert written(blobs, folder) == []
    assert blob_file(blobs, OTHER).read_bytes() == OTHER
    out(blobs, root, folder, force=True)
    blobs.delete(digest_in(blobs, root, "a.bin"))
    assert (folder / "a.bin").read_bytes() == LARGE
    assert words(blobs, root, folder) == []


def test_a_checkout_does_not_take_what_was_written_through_a_link(
    blobs: LocalBlobs, root: Digest, tmp_path: Path
) -> None:
    """It is work as any other."""
    folder = tmp_path / "work"
    out(blobs, root, folder)
    write_into(folder / "a.bin", b"FLIGHTS")
    other = build(blobs, [Entry("a.bin", blobs.put(OTHER), len(OTHER))])
    with pytest.raises(Conflict) as caught:
        out(blobs, other, folder)
    assert caught.value.kind == "local-changes"
    out(blobs, other, folder, force=True)
    assert (folder / "a.bin").read_bytes() == OTHER
    assert blob_file(blobs, OTHER).read_bytes() == OTHER


def test_what_is_written_while_it_is_linked_is_read_again(
    blobs: LocalBlobs, root: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a file and its place somebody may write it in another folder."""
    folder, real = tmp_path / "work", placing.Place.put

    def put(place: placing.Place, file: str, path: str) -> Stamp:
        if path == "a.bin":
            write_into(blob_file(blobs, LARGE), b"FLIGHTS")
        return real(place, file, path)

    monkeypatch.setattr(placing.Place, "put", put)
    out(blobs, root, folder)
    monkeypatch.undo()
    assert words(blobs, root, folder) == [("changed", "a.bin")]


def test_other_stores_have_no_links(tmp_path: Path) -> None:
    """Then a checkout writes, and there is nothing to look after."""
    blobs = MemoryBlobs()
    root = build(blobs, [Entry("a", blobs.put(LARGE), len(LARGE))])
    assert checkout(blobs, root, tmp_path / "work", index_of(tmp_path / "work"), link=True).linked == 0
    assert part_written(blobs, tmp_path / "work", index_of(tmp_path / "work")) == []
