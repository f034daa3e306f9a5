"""Parts of blobs that are far away are fetched once, and verified whenever they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.pieces import PIECE, Summing, Sums
from loopline.store.sparse import Sparse

BIG = os.urandom(9 * PIECE) + bytes(2 * PIECE) + b"tail"
DIGEST = digest_of(BIG)


class Far:
    """Where the bytes are, and what was asked of it."""

    def __init__(self) -> None:
        self.data = BIG
        self.asked: list[tuple[int, int]] = []

    def __call__(self, at: int, many: int) -> Iterator[bytes]:
        self.asked.append((at // PIECE, -(-many // PIECE)))
        yield self.data[at : at + many]


def sums() -> Sums:
    summing = Summing()
    summing.update(BIG)
    return summing.sums(bytes.fromhex(DIGEST[7:]))


@pytest.fixture
def sparse(tmp_path: Path) -> Sparse:
    """Nothing is here yet."""
    return Sparse(str(tmp_path / "partial"))


def read(sparse: Sparse, far: Far, start: int, stop: int) -> bytes:
    return b"".join(sparse.range(DIGEST, sums(), start, min(stop, len(BIG)), far))


def test_what_was_fetched_is_not_fetched_again(sparse: Sparse) -> None:
    """A part costs the pieces in which it lies, neighbours by one request; pieces that are here cost none, in any process."""
    far = Far()
    assert read(sparse, far, 3 * PIECE + 5, 3 * PIECE + 9) == BIG[3 * PIECE + 5 : 3 * PIECE + 9]
    assert read(sparse, far, PIECE, 6 * PIECE) == BIG[PIECE : 6 * PIECE]
    assert far.asked == [(3, 1), (1, 2), (4, 2)]
    far.asked.clear()
    assert read(Sparse(sparse.folder), far, 2 * PIECE - 1, 5 * PIECE + 1) == BIG[2 * PIECE - 1 : 5 * PIECE + 1]
    assert far.asked == []
    assert read(sparse, far, 0, len(BIG)) == BIG
    assert read(sparse, far, len(BIG), len(BIG) + 5) == b""
    assert read(sparse, far, 9 * PIECE, len(BIG)) == BIG[9 * PIECE :]
    assert far.asked == [(0, 1), (6, 6)]


@pytest.mark.parametrize("harm", ["rot", "cut", "torn"])
def test_what_is_not_right_any_more_is_fetched_again(sparse: Sparse, harm: str) -> None:
    """Rot, a file that lost its end, and what a killed writer left are not what the sums say, and are never given."""
    far = Far()
    read(sparse, far, 0, 4 * PIECE)
    path = Path(sparse.folder, DIGEST[7:])
    data = path.read_bytes()
    path.write_bytes({
        "rot": data[:100] + bytes([data[100] ^ 1]) + data[101:], "cut": data[: PIECE // 2],
        "torn": bytes(PIECE // 2) + data[PIECE // 2 :],
    }[harm])  # fmt: skip
    far.asked.clear()
    assert read(sparse, far, 0, 4 * PIECE) == BIG[: 4 * PIECE]
    assert far.asked[0][0] == 0


@pytest.mark.parametrize("data", [BIG[:PIECE] + bytes([BIG[PIECE] ^ 1]) + BIG[PIECE + 1 :], BIG[: PIECE + 5], b""])
def test_what_comes_wrong_is_not_given(sparse: Sparse, data: bytes) -> None:
    """Bytes from there that are not what the sums say raise before any of them is given, and nothing of them stays."""
    far = Far()
    far.data = data
    with pytest.raises(Unavailable) as caught:
        read(sparse, far, PIECE, 3 * PIECE)
    assert caught.value.kind == "blob-corrupt"
    far.data = BIG
    assert read(sparse, far, PIECE, 3 * PIECE) == BIG[PIECE : 3 * PIECE]


def test_sums_are_kept(sparse: Sparse) -> None:
    """They need not be asked for again, and those of something else are none; what is forgotten is gone."""
    assert sparse.sums(DIGEST) is None
    sparse.note(DIGEST, sums())
    found = Sparse(sparse.folder).sums(DIGEST)
    assert found is not None
    assert found.encode() == sums().encode()
    other = Digest("sha256:" + "0" * 64)
    Path(sparse.folder, f"{other[7:]}.sums").write_bytes(found.encode())
    assert sparse.sums(other) is None
    sparse.forget(DIGEST)
    assert sparse.sums(DIGEST) is None


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A folder that cannot be made costs the cache, not the bytes."""
    (tmp_path / "file").write_text("")
    far, sparse = Far(), Sparse(str(tmp_path / "file" / "partial"))
    sparse.note(DIGEST, sums())
    assert read(sparse, far, 0, 2 * PIECE) == BIG[: 2 * PIECE]
    assert read(sparse, far, 0, 2 * PIECE) == BIG[: 2 * PIECE]
    assert len(far.asked) == 2
