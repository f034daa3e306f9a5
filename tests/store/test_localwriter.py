from __future__ import annotations

import gc
import os
import threading
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from loopline.store.local import LocalBlobs
from loopline.store.pieces import LARGE, PIECE

if TYPE_CHECKING:
    from pathlib import Path

SIZE = LARGE + 3 * PIECE + 17


def behind() -> int:
    """Count the threads that hash, once those that end have ended."""
    found = 0
    for _ in range(100):
        found = sum(one.name.startswith("loopline-behind") for one in threading.enumerate())
        if not found:
            break
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("chunk", [PIECE // 3 + 1, PIECE, SIZE])
def test_a_large_blob_is_hashed_beside_the_writing(tmp_path: Path, chunk: int) -> None:
    """Digest and sums of pieces are those of the bytes, however they came; the thread is gone afterwards."""
    data = os.urandom(SIZE)
    blobs = LocalBlobs(tmp_path)
    with blobs.writer() as writer:
        for start in range(0, SIZE, chunk):
            writer.write(data[start : start + chunk])
        digest, size = writer.commit()
    assert (digest, size) == (f"sha256:{sha256(data).hexdigest()}", SIZE)
    sums = blobs.find_sums(sha256(data).digest())
    assert sums is not None
    assert all(sums.holds(number, data[number * PIECE : (number + 1) * PIECE]) for number in sums.numbers(0, SIZE))
    assert blobs.read(digest) == data
    assert behind() == 0


@pytest.mark.parametrize("left", ["left", "forgotten"])
def test_a_writer_that_is_not_committed_leaves_no_file_and_no_thread(tmp_path: Path, left: str) -> None:
    """Whether it is left or nobody has it any more."""
    writer = LocalBlobs(tmp_path).writer()
    writer.write(bytes(LARGE + 1))
    writer.write(bytes(PIECE))
    assert any(one.name.startswith("loopline-behind") for one in threading.enumerate())
    if left == "left":
        writer.__exit__(None, None, None)
    del writer
    gc.collect()
    assert behind() == 0
    assert not list(tmp_path.rglob("blob-*"))
