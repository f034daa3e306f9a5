"""Other names of a store's blobs: made only when verified, and parted where somebody writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.errors import LooplineError
from loopline.nouns.digest import Digest
from loopline.store.links import links_of
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs

BYTES = b"flights\n" * 8000


def file_of(blobs: LocalBlobs, digest: Digest) -> Path:
    """Give where a blob lies."""
    return Path(blobs.file_of(bytes.fromhex(digest[7:])))


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """An empty store."""
    return LocalBlobs(tmp_path / "store")


def test_a_link_is_the_blobs_file(blobs: LocalBlobs, tmp_path: Path) -> None:
    """Under another name, read-only, and known by its inode; the blob may go, the file stays."""
    digest, file = blobs.put(BYTES), tmp_path / "a"
    assert blobs.links.known() == {}
    status = blobs.links.link(digest, str(file))
    assert status is not None
    assert os.path.samestat(status, file_of(blobs, digest).stat())
    assert status.st_mode & 0o7777 == 0o444
    assert blobs.links.known() == {(status.st_dev, status.st_ino): digest}
    assert blobs.delete(digest)
    assert file.read_bytes() == BYTES
    assert links_of(MemoryBlobs()) is None


@pytest.mark.parametrize("how", ["damaged", "writable", "executable", "missing", "packed"])
def test_what_is_no_sound_file_is_not_linked(blobs: LocalBlobs, tmp_path: Path, how: str) -> None:
    """Nothing wrong comes into a folder by a link, nor a file that anybody may write."""
    digest = blobs.put(BYTES)
    at = file_of(blobs, digest)
    if how == "damaged":
        at.chmod(0o644)
        at.write_bytes(BYTES.upper())
        at.chmod(0o444)
    elif how == "missing":
        at.unlink()
    elif how == "packed":
        digest = blobs.put_all([b"%d" % number for number in range(50)])[0]
    else:
        at.chmod(0o644 if how == "writable" else 0o555)
    assert blobs.links.link(digest, str(tmp_path / "a")) is None
    assert not (tmp_path / "a").exists()


def test_what_was_written_is_set_aside(blobs: LocalBlobs, tmp_path: Path) -> None:
    """The store has nothing wrong under the blob's name any more, and the file is the one that it was."""
    digest, file = blobs.put(BYTES), tmp_path / "a"
    blobs.links.link(digest, str(file))
    file.chmod(0o644)
    with file.open("r+b") as held:
        held.write(b"FLIGHTS")
        held.flush()
        inode = os.fstat(held.fileno()).st_ino
        assert blobs.links.part(digest, str(file)) is True
        held.write(b"!")
    assert file.stat().st_ino == inode
    assert file.read_bytes() == b"FLIGHTS!" + BYTES[8:]
    assert blobs.missing([digest]) == {digest}
    with pytest.raises(LooplineError):
        blobs.read(digest)
    assert blobs.put(BYTES) == digest
    assert blobs.links.part(digest, str(file)) is None
    assert blobs.read(digest) == BYTES


def test_another_mode_parts_them_before_it_is_used(blobs: LocalBlobs, tmp_path: Path) -> None:
    """Who makes a file writable is about to write it: the store has the bytes in another file before that."""
    digest, file = blobs.put(BYTES), tmp_path / "a"
    blobs.links.link(digest, str(file))
    assert blobs.links.part(digest, str(file)) is None
    file.chmod(0o755)
    assert blobs.links.part(digest, str(file)) is False
    file.write_bytes(b"mine")
    assert blobs.read(digest) == BYTES
    assert file_of(blobs, digest).stat().st_mode & 0o7777 == 0o444
    assert file.stat().st_mode & 0o7777 == 0o755
