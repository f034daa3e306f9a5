"""Blobs in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of
from loopline.store.blobs import Blobs
from loopline.store.local import LocalBlobs
from loopline.testing.blobs import SharedBlobsSuite
from tests.mounting import mounted

NOBODY = 65534


class TestLocalBlobs(SharedBlobsSuite):
    """The shipped suite."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give an empty store."""
        return LocalBlobs(tmp_path / "store")


@pytest.fixture
def full_disk() -> Iterator[Path]:
    """Give a folder on a file system of 1 MiB."""
    with tempfile.TemporaryDirectory() as folder, mounted(Path(folder), "-t", "tmpfs", "-o", "size=1m", "tmpfs"):
        yield Path(folder)


def files(folder: Path) -> list[str]:
    """List every file below."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_layout_is_that_of_an_oci_image(tmp_path: Path) -> None:
    """A blob is one read-only file, blobs/sha256/<hex>, and nothing else is left behind."""
    digest = LocalBlobs(tmp_path).put(b"data")
    assert files(tmp_path) == [f"blobs/sha256/{digest[7:]}"]
    assert (tmp_path / "blobs" / "sha256" / digest[7:]).stat().st_mode & 0o777 == 0o444


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    """A store that was never written reads as empty and leaves no trace."""
    blobs = LocalBlobs(tmp_path / "none")
    assert list(blobs.iter()) == []
    assert blobs.missing([digest_of(b"")]) == {digest_of(b"")}
    assert blobs.delete(digest_of(b"")) is False
    assert not (tmp_path / "none").exists()


def test_a_full_disk_says_so(full_disk: Path) -> None:
    """A put that does not fit raises disk-full and leaves no file; smaller ones still work."""
    blobs = LocalBlobs(full_disk)
    for way in (lambda: blobs.put(bytes(2 << 20)), lambda: blobs.put_all([b"a" * 700_000, b"b" * 700_000])):
        with pytest.raises(Unavailable) as caught:
            way()
        assert caught.value.kind == "disk-full"
        assert files(full_disk) == []
    with blobs.writer() as writer, pytest.raises(Unavailable) as caught:
        writer.write(bytes(2 << 20))
    assert caught.value.kind == "disk-full"
    assert files(full_disk) == []
    assert blobs.read(blobs.put(b"small")) == b"small"


def test_a_read_only_folder_says_so_and_still_reads(tmp_path: Path) -> None:
    """Writing where nobody may write raises store-read-only; what is there is read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digest = LocalBlobs(folder).put(b"data")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        try:
            blobs = LocalBlobs(folder)
            for way in (lambda: blobs.put(b"more"), blobs.writer, lambda: blobs.delete(digest)):
                with pytest.raises(Unavailable) as caught:
                    way()
                assert caught.value.kind == "store-read-only"
            assert blobs.put(b"data") == digest, "what is there need not be written"
            assert blobs.read(digest) == b"data"
        finally:
            if root:
                os.seteuid(0)
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755)


def test_an_unreadable_blob_is_not_a_missing_one(tmp_path: Path) -> None:
    """A blob that is there but cannot be read raises blob-unreadable."""
    blobs = LocalBlobs(tmp_path)
    digest = digest_of(b"folder")
    (tmp_path / "blobs" / "sha256" / digest[7:]).mkdir(parents=True)
    for ask in (blobs.read, blobs.verify):
        with pytest.raises(Unavailable) as caught:
            ask(digest)
        assert caught.value.kind == "blob-unreadable"


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """A temporary file of a dead process goes; that of a living writer stays."""
    code = (
        "import os, sys; from pathlib import Path; from loopline.store.local import LocalBlobs\n"
        "writer = LocalBlobs(Path(sys.argv[1])).writer(); writer.write(b'half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = (tmp_path / "tmp").iterdir()
    with LocalBlobs(tmp_path).writer() as living:
        assert not left.exists()
        living.write(b"alive")
        LocalBlobs(tmp_path).put(b"other")
        assert living.commit() == (digest_of(b"alive"), 5)
    assert files(tmp_path / "tmp") == []


def test_a_swept_folder_for_temporary_files_comes_back(tmp_path: Path) -> None:
    """Someone who empties the tmp folder between two puts does no harm."""
    blobs = LocalBlobs(tmp_path)
    blobs.put(b"one")
    (tmp_path / "tmp").rmdir()
    assert blobs.read(blobs.put(b"two")) == b"two"


def test_a_reader_that_has_begun_goes_on_after_delete(tmp_path: Path) -> None:
    """Deleting does not pull bytes from under a reader."""
    blobs = LocalBlobs(tmp_path)
    data = os.urandom(5 << 20)
    digest = blobs.put(data)
    stream = blobs.get(digest)
    first = next(stream)
    blobs.delete(digest)
    assert first + b"".join(stream) == data


def test_foreign_files_are_not_blobs(tmp_path: Path) -> None:
    """iter() gives digests only, whatever else lies in the folder."""
    blobs = LocalBlobs(tmp_path)
    digest = blobs.put(b"data")
    (tmp_path / "blobs" / "sha256" / "README").write_text("hello")
    assert list(blobs.iter()) == [digest]


def test_a_folder_may_be_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder that does not exist yet is made where the process stands."""
    monkeypatch.chdir(tmp_path)
    digest = LocalBlobs(Path("store")).put(b"data")
    assert LocalBlobs(tmp_path / "store").read(digest) == b"data"


@pytest.fixture
def unhurried() -> Iterator[None]:
    """Interrupt who waits for ever."""

    def late(*_: object) -> None:
        pytest.fail("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(3)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("what", ["*.idx", "*.pack", "*.gone", "loose", "folder"])
def test_nobody_waits_for_a_pipe(tmp_path: Path, what: str) -> None:
    """A pipe or a folder in the place of a file of the store is an error; one among what writers left hinders nobody."""
    blobs = LocalBlobs(tmp_path / "store")
    if what in ("loose", "folder"):
        digest = blobs.put(b"large" * 300_000)
        file = blobs.path(digest)
    else:
        ((digest, other, *_),) = blobs.put_groups(b"small %d" % number for number in range(64))
        blobs.delete(other)
        (file,) = (tmp_path / "store").rglob(what)
    assert file is not None
    file.unlink()
    file.mkdir() if what == "folder" else os.mkfifo(file)
    again = LocalBlobs(tmp_path / "store")
    os.mkfifo(Path(again.scratch.folder) / "blob-left")
    with pytest.raises(Unavailable) as caught:
        again.read(digest)
    assert caught.value.kind == "blob-unreadable"
    with pytest.raises(Unavailable):
        b"".join(again.get(digest))
    assert again.path(digest) is None
    if what not in ("*.idx", "*.gone"):
        again.put(b"new")
