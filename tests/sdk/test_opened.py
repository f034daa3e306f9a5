"""File objects over blobs read what an ordinary file would."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.sdk.opened import AHEAD, PIECE, WHOLE, Opened, Reader
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs

BIG = os.urandom(WHOLE + 3 * PIECE + 17)


class Counted(MemoryBlobs):
    """A store that writes down which parts were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[tuple[int, int]] = []

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        self.parts.append((start, length))
        return super().range(digest, start, length)


BLOBS = Counted()
LARGE, SMALL = BLOBS.put(BIG), BLOBS.put(BIG[:1000])


def opened(data: bytes = BIG) -> Reader:
    digest = LARGE if len(data) > WHOLE else SMALL
    return Reader(Opened(BLOBS, digest, len(data), name="it"))


@settings(max_examples=15, deadline=None)
@given(
    large=st.booleans(),
    steps=st.lists(
        st.tuples(st.sampled_from(["read", "seek", "back", "end", "line"]), st.integers(0, len(BIG) + 5)), max_size=12
    ),
)
def test_it_reads_as_a_file_does(*, large: bool, steps: list[tuple[str, int]]) -> None:
    """Whatever is read, sought and read again is what the same steps give in memory."""
    data = BIG if large else BIG[:1000]
    ours, plain = opened(data), io.BytesIO(data)
    for word, far in steps:
        number = far if large else far % 1100
        match word:
            case "read":
                assert ours.read(number % (2 * PIECE)) == plain.read(number % (2 * PIECE))
            case "seek":
                assert ours.seek(number) == plain.seek(number)
            case "back":
                assert ours.seek(-min(number, ours.tell()), os.SEEK_CUR) == plain.seek(
                    -min(number, plain.tell()), os.SEEK_CUR
                )
            case "end":
                assert ours.seek(-(number % len(data)), os.SEEK_END) == plain.seek(-(number % len(data)), os.SEEK_END)
            case _:
                assert ours.readline(number) == plain.readline(number)
        assert ours.tell() == plain.tell()
    assert ours.read() == plain.read()
    assert ours.size == len(data)


def test_a_jump_costs_a_piece() -> None:
    """Who reads a little here and there fetches a piece each time, and nothing before the first read."""
    file = opened()
    BLOBS.parts.clear()
    for at in (len(BIG) - 8, 5, 3 * PIECE + 9):
        file.seek(at)
        assert file.read(8) == BIG[at : at + 8]
    assert BLOBS.parts == [((len(BIG) - 8) // PIECE * PIECE, PIECE), (0, PIECE), (3 * PIECE, PIECE)]


def test_reading_on_reads_ahead() -> None:
    """Who reads from front to end asks seldom: each time for twice as much, up to a bound."""
    file = opened()
    BLOBS.parts.clear()
    assert b"".join(iter(lambda: file.read(100_000), b"")) == BIG
    assert [length for _, length in BLOBS.parts] == [PIECE, 2 * PIECE, 4 * PIECE, AHEAD]
    BLOBS.parts.clear()
    file.seek(0)
    assert file.read() == BIG
    assert len(BLOBS.parts) == 1


@pytest.mark.parametrize("size", [1000, len(BIG)])
def test_damage_is_not_seen(tmp_path: Path, size: int) -> None:
    """Of a damaged file no byte of the damaged part is given."""
    blobs = LocalBlobs(tmp_path)
    digest: Digest = blobs.put(BIG[:size])
    path = blobs.path(digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(BIG[: size - 1] + bytes([BIG[size - 1] ^ 1]))
    file = Reader(Opened(blobs, digest, size, name="it"))
    file.seek(-10, os.SEEK_END)
    with pytest.raises(Unavailable) as caught:
        file.read(1)
    assert caught.value.kind == "blob-corrupt"


def test_it_is_an_ordinary_reader() -> None:
    """It has a name and a mode, cannot be written, ends where it ends, and refuses what no file does."""
    file = opened()
    assert (file.name, file.mode, file.seekable(), file.readable(), file.writable()) == ("it", "rb", True, True, False)
    file.seek(len(BIG) + random.randrange(1, 9))
    assert file.read(4) == b""
    assert file.raw.readall() == b""
    with pytest.raises(OSError, match="first"):
        file.seek(-1)
    with pytest.raises(ValueError, match="whence"):
        file.raw.seek(0, 9)
    assert file.raw.readinto(bytearray()) == 0
