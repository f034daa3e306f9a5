"""Damaged bytes that are kept for who wants to look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import NotFound
from loopline.nouns.digest import Digest, digest_of
from loopline.store.local import LocalBlobs

SMALL = [b"row %d\n" % number for number in range(30)]


def rot(file: Path, old: bytes, new: bytes) -> None:
    """Change bytes of a file."""
    file.chmod(0o644)
    file.write_bytes(file.read_bytes().replace(old, new))


@pytest.fixture
def packed(tmp_path: Path) -> Digest:
    """Give a packed blob of which the record is damaged."""
    digest = LocalBlobs(tmp_path).put_all(SMALL)[3]
    (pack,) = (tmp_path / "packs").glob("*.pack")
    rot(pack, SMALL[3], b"ROW 3\n")
    return digest


def aside(folder: Path) -> list[bytes]:
    """Give what was set aside."""
    return [file.read_bytes() for file in sorted((folder / "damaged").iterdir())]


def test_damaged_bytes_are_kept_and_no_more_taken_for_the_blob(tmp_path: Path, packed: Digest) -> None:
    """Of a record and of a file, each under its own name; what was whole is not touched."""
    blobs = LocalBlobs(tmp_path)
    alone = blobs.put(b"alone")
    rot(Path(blobs.file_of(bytes.fromhex(alone[7:]))), b"alone", b"ALONE")
    for digest in (packed, alone):
        assert blobs.set_aside(digest) == 1
        assert blobs.set_aside(digest) == 0
        with pytest.raises(NotFound):
            LocalBlobs(tmp_path).read(digest)
    assert sorted(aside(tmp_path)) == [b"ALONE", b"ROW 3\n"]
    assert blobs.put(b"alone") == alone
    assert blobs.set_aside(digest_of(SMALL[4])) == 0
    assert LocalBlobs(tmp_path).read(digest_of(SMALL[4])) == SMALL[4]


def test_a_whole_copy_beside_the_damaged_one_stays(tmp_path: Path, packed: Digest) -> None:
    """Whether it is a file or in another pack."""
    blobs = LocalBlobs(tmp_path)
    blobs.put(SMALL[3])
    assert blobs.set_aside(packed) == 1
    assert LocalBlobs(tmp_path).read(packed) == SMALL[3]
    assert aside(tmp_path) == [b"ROW 3\n"]
