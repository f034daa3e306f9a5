"""What is on its way to a branch counts when it is whole, and small files wait for the store together."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.sdk.writing import Batch, Written
from loopline.store.memory import MemoryBlobs


class Counted(MemoryBlobs):
    """A store that counts how often it is given something."""

    puts = 0

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        self.puts += 1
        return super().put_all(items)


def test_small_files_share_a_put() -> None:
    """Many are stored in one go; the newest word about a path counts, and what was removed is not stored."""
    blobs, batch = Counted(), Batch()
    for number in range(50):
        batch.hold(f"f/{number:02}", str(number).encode())
    batch.remove("f/49")
    batch.put(Entry("f/00", digest_of(b"large"), 5))
    batch.hold("g/1", b"gone")
    batch.remove("g/")
    batch.store(blobs)
    assert blobs.puts == 1
    assert [one.path for one in batch.files] == [f"f/{number:02}" for number in range(49)]
    assert batch.files[0].digest == digest_of(b"large")
    assert b"".join(blobs.read(one.digest) for one in batch.files[1:3]) == b"12"
    assert batch.gone == ["g/", "f/49"]
    assert digest_of(b"gone") not in blobs.held


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_counts_once(at_once: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """It is kept when it is closed, or when that is said later, and then only once; what was discarded never."""
    blobs, kept = MemoryBlobs(), list[tuple[Digest, int]]()
    file = Written(blobs, lambda *what: kept.append(what), path="it", at_once=at_once)
    file.write(b"ab")
    assert file.tell() == 2
    file.close()
    file.close()
    assert bool(kept) is at_once
    file.commit()
    assert kept == [(digest_of(b"ab"), 2)]
    for end in (True, False):
        other = Written(blobs, lambda *what: kept.append(what), path="it", at_once=False)
        other.write(b"cd")
        if end:
            other.close()
        other.discard()
        other.commit()
    assert len(kept) == 1


def test_appending_begins_with_what_is_there() -> None:
    """The bytes of the file before come first."""
    blobs, kept = MemoryBlobs(), list[Digest]()
    before = Entry("it", blobs.put(b"ab"), 2)
    with Written(blobs, lambda digest, _: kept.append(digest), path="it", before=before) as file:
        file.write(b"cd")
    assert blobs.read(kept[0]) == b"abcd"
