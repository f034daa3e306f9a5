"""Blobs in a dictionary."""

from __future__ import annotations

import pytest

from loopline.nouns.digest import Digest
from loopline.store.blobs import Blobs
from loopline.store.memory import MemoryBlobs
from loopline.testing.blobs import BlobsSuite


class TestMemoryBlobs(BlobsSuite):
    """The shipped suite."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """Give an empty store."""
        return MemoryBlobs()

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Change the dictionary."""
        assert isinstance(blobs, MemoryBlobs)
        blobs.held[digest] = data


def test_what_was_put_is_a_copy() -> None:
    """Changing a buffer after it was put does not change the blob."""
    blobs, buffer = MemoryBlobs(), bytearray(b"before")
    digest = blobs.put(buffer)  # type: ignore[arg-type]  # what works by accident must not bite
    buffer[:] = b"after!"
    assert blobs.read(digest) == b"before"
