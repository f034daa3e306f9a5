"""The trash of an object store, on a server that speaks S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.nouns.digest import Digest
from loopline.store.cached import Cached
from loopline.store.objects import ObjectBlobs
from loopline.testing.loop import loop
from loopline.verbs.condemning import Terms, collect, empty, restore

NOW = Terms(keep=0, after=0, trash=0, patience=0)


def seen(bucket: str) -> set[Digest]:
    """List the store as another process does."""
    return set(ObjectBlobs(bucket).iter())


@pytest.mark.parametrize("asks", ["read", "get", "size", "missing"])
def test_who_asks_takes_it_back(bucket: str, asks: str) -> None:
    """A process that has asked before, and one that begins now, find what was moved."""
    knows = ObjectBlobs(bucket)
    digest, other = knows.put_all([b"one", b"two"])
    assert knows.missing([digest]) == set()
    for number, here in enumerate((knows, ObjectBlobs(bucket)), 1):
        assert ObjectBlobs(bucket).trash.take(number, [digest]) == (1, 3)
        assert seen(bucket) == {other}
        match asks:
            case "missing":
                assert here.missing([digest]) == set()
            case "get":
                assert b"".join(here.get(digest)) == b"one"
            case _:
                assert getattr(here, asks)(digest) in (3, b"one")
        assert seen(bucket) == {digest, other}
    knows.trash.empty(1)
    assert knows.trash.numbers() == [2]
    assert set(knows.trash.iter(2)) == {digest}
    assert knows.trash.size(digest) == 3


def test_a_reclaim_goes_its_way(bucket: str, tmp_path: Path) -> None:
    """Noted, moved, taken back, moved again and gone; with copies of blobs on this machine as without."""
    blobs = Cached(ObjectBlobs(bucket), tmp_path / "copies", limit=1 << 20)
    there = loop(blobs=blobs, work=tmp_path / "cache")
    stray = blobs.put(b"nobody names this")
    assert collect(there, NOW).state == "noted"
    assert collect(there, NOW).moved == 1
    assert seen(bucket) == set()
    assert restore(there, None).moved == 1
    assert seen(bucket) == {stray}
    collect(there, NOW)
    collect(there, NOW)
    assert empty(there, NOW).moved == 1
    assert ObjectBlobs(bucket).size(stray) is None
    assert blobs.trash is not None
    assert blobs.trash.numbers() == []
