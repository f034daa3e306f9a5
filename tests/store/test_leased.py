"""A store whose process is known to be writing."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from loopline.store.blobs import Blobs
from loopline.store.leased import Leased, hold_on
from loopline.store.local import LocalBlobs
from loopline.testing.blobs import BlobsSuite


class TestLeased(BlobsSuite):
    """It keeps every promise of the store inside."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give a folder, leased."""
        return Leased(LocalBlobs(tmp_path), lambda: None)


def test_it_holds_before_bytes_come_or_are_relied_on(tmp_path: Path) -> None:
    """Reading holds nothing; a pickle is the store alone."""
    held: list[int] = []
    blobs = Leased(LocalBlobs(tmp_path), lambda: held.append(len(list(LocalBlobs(tmp_path).iter()))))
    digest = blobs.put(b"1")
    assert held == [0], "before the bytes came"
    blobs.read(digest)
    blobs.size(digest)
    assert len(held) == 1
    file = tmp_path / "file"
    file.write_bytes(b"2")
    blobs.put_all([b"3"])
    blobs.put_file(file)
    list(blobs.put_groups([b"4"]))
    with blobs.writer() as writer:
        writer.commit()
    blobs.missing([digest])
    hold_on(blobs)
    assert len(held) == 7
    assert isinstance(pickle.loads(pickle.dumps(Leased(LocalBlobs(tmp_path), lambda: None))), LocalBlobs)
    hold_on(LocalBlobs(tmp_path))
