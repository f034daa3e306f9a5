"""Sums of the pieces of large blobs."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.local import LocalBlobs
from loopline.store.pieces import LARGE, PIECE, Summing, decode

DATA = os.urandom(1 << 16) * (LARGE // (1 << 16)) + b"and a little more"
DIGEST = digest_of(DATA)
IDENT = bytes.fromhex(DIGEST[7:])


def sums_file(folder: Path) -> Path:
    """Give where the sums of DATA lie."""
    return folder / "pieces" / DIGEST[7:]


def rewrite(path: Path, data: bytes) -> None:
    """Write a read-only file."""
    path.chmod(0o644)
    path.write_bytes(data)


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 3 * PIECE + 7), max_size=6))
def test_sums_do_not_depend_on_the_chunks(cuts: list[int]) -> None:
    """In whatever chunks a blob came, it has the same sums, and each of its pieces is recognized."""
    data = DATA[: 3 * PIECE + 7]
    summing = Summing()
    edges = [0, *sorted(cuts), len(data)]
    for start, stop in pairwise(edges):
        summing.update(data[start:stop])
    sums = summing.sums(IDENT)
    whole = Summing()
    whole.update(data)
    assert sums.encode() == whole.sums(IDENT).encode()
    assert list(sums.numbers(0, len(data))) == [0, 1, 2, 3]
    assert list(sums.numbers(PIECE, PIECE + 1)) == [1]
    assert all(sums.holds(number, data[number * PIECE : (number + 1) * PIECE]) for number in range(4))
    assert not sums.holds(3, data[3 * PIECE :] + b"?")
    assert not sums.holds(4, b"")


def test_damaged_sums_are_none() -> None:
    """No bit of what is kept may be wrong, and sums of one blob are none of another."""
    summing = Summing()
    summing.update(DATA)
    data = summing.sums(IDENT).encode()
    assert decode(data, IDENT) is not None
    assert decode(data, bytes(32)) is None
    for wrong in (
        b"",
        data[:-1],
        data + b"?",
        data[:40],
        *(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(0, len(data), 9)),
    ):
        assert decode(wrong, IDENT) is None


@pytest.mark.parametrize("way", ["put", "put_file", "writer"])
def test_sums_come_with_the_blob(tmp_path: Path, way: str) -> None:
    """However a large blob comes in, its sums are made on the way, and go with it; a smaller one has none."""
    blobs = LocalBlobs(tmp_path / "store")
    match way:
        case "put":
            blobs.put_all([DATA, DATA[:LARGE]])
        case "put_file":
            (tmp_path / "source").write_bytes(DATA)
            blobs.put_file(tmp_path / "source")
        case _:
            with blobs.writer() as writer:
                writer.write(DATA[:100])
                writer.write(DATA[100:])
                writer.commit()
    assert [path.name for path in (tmp_path / "store" / "pieces").iterdir()] == [DIGEST[7:]]
    assert decode(sums_file(tmp_path / "store").read_bytes(), IDENT) is not None
    assert DIGEST in set(blobs.iter())
    blobs.delete(DIGEST)
    assert not sums_file(tmp_path / "store").exists()


def test_a_part_with_a_flipped_bit_is_not_given(tmp_path: Path) -> None:
    """A range is held against its pieces: rot in them is named, rot elsewhere does not matter to it."""
    blobs = LocalBlobs(tmp_path)
    path = blobs.path(blobs.put(DATA))
    assert path is not None
    wrong = bytearray(DATA)
    wrong[3 * PIECE + 5] ^= 1
    rewrite(path, bytes(wrong))
    assert b"".join(blobs.range(DIGEST, 0, 3 * PIECE)) == DATA[: 3 * PIECE]
    assert b"".join(blobs.range(DIGEST, 4 * PIECE, 1 << 40)) == DATA[4 * PIECE :]
    given: list[bytes] = []
    with pytest.raises(Unavailable) as caught:
        given.extend(blobs.range(DIGEST, 2 * PIECE, 2 * PIECE))
    assert (caught.value.kind, caught.value.facts["digest"]) == ("blob-corrupt", DIGEST)
    assert b"".join(given) == DATA[2 * PIECE : 3 * PIECE]
    blobs.put(DATA)
    assert b"".join(blobs.range(DIGEST, 2 * PIECE, 2 * PIECE)) == DATA[2 * PIECE : 4 * PIECE]


@pytest.mark.parametrize("lost", ["removed", "cut", "flipped", "of another"])
def test_sums_that_are_lost_are_made_again(tmp_path: Path, lost: str) -> None:
    """A range of a blob without sums reads all of it once, by its digest; one of a damaged blob is then refused."""
    blobs = LocalBlobs(tmp_path)
    path = blobs.path(blobs.put(DATA))
    assert path is not None
    file = sums_file(tmp_path)
    whole = file.read_bytes()
    match lost:
        case "removed":
            file.unlink()
        case "cut":
            rewrite(file, whole[:50])
        case "flipped":
            rewrite(file, whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
        case _:
            other = Summing()
            other.update(bytes(len(DATA)))
            rewrite(file, other.sums(IDENT).encode())
    if lost == "of another":
        with pytest.raises(Unavailable) as caught:
            list(blobs.range(DIGEST, 5, 6))
        assert caught.value.kind == "blob-unreadable"
    assert b"".join(blobs.range(DIGEST, 5, 6)) == DATA[5:11]
    assert file.read_bytes() == whole
    file.unlink()
    rewrite(path, DATA[:-1] + b"?")
    with pytest.raises(Unavailable) as caught:
        list(blobs.range(DIGEST, 5, 6))
    assert caught.value.kind == "blob-corrupt"
    assert not file.exists()


def test_a_range_needs_no_room(tmp_path: Path) -> None:
    """Where no sums can be written, they are remembered for this process."""
    blobs = LocalBlobs(tmp_path)
    blobs.put(DATA)
    sums_file(tmp_path).unlink()
    (tmp_path / "pieces").rmdir()
    (tmp_path / "pieces").write_text("in the way")
    assert b"".join(blobs.range(DIGEST, 5, 6)) == DATA[5:11]
    assert b"".join(blobs.range(Digest(DIGEST), PIECE - 1, 2)) == DATA[PIECE - 1 : PIECE + 1]
