"""Many small packs written together."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.store import folding
from loopline.store.local import LocalBlobs

from .test_packs import DIGESTS, ITEMS, files, flip


def test_many_small_packs_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are many packs of a size they are written together, without what was deleted; nobody misses anything."""
    monkeypatch.setattr(folding, "_FOLD", 8)
    other, kept = LocalBlobs(tmp_path), dict[Digest, bytes]()
    for turn in range(20):
        items = [f"{turn} {number}".encode() for number in range(20)]
        digests = LocalBlobs(tmp_path).put_all(items)
        kept |= dict(zip(digests[1:], items[1:], strict=True))
        assert other.delete(digests[0])
        assert sorted(other.iter()) == sorted(kept)
        assert len(files(tmp_path, ".pack")) < 8
    assert dict(other.read_all(kept)) == kept
    assert {digest: LocalBlobs(tmp_path).read(digest) for digest in kept} == kept
    assert other.missing(kept) == set()
    assert len(files(tmp_path, ".gone")) <= len(files(tmp_path, ".pack")) == len(files(tmp_path, ".idx"))


def test_a_damaged_pack_is_not_written_together_with_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that rotted stay where they are, and are still said to be damaged."""
    monkeypatch.setattr(folding, "_FOLD", 3)
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS[:20])
    (damaged,) = files(tmp_path, ".pack")
    flip(damaged, 60)
    blobs.put_all(ITEMS[20:])
    blobs.put_all([data * 2 for data in ITEMS])
    assert damaged in files(tmp_path, ".pack")
    assert len(files(tmp_path, ".pack")) == 2
    with pytest.raises(Unavailable) as caught:
        blobs.read(DIGESTS[0])
    assert caught.value.kind == "blob-corrupt"
    assert [blobs.read(digest) for digest in DIGESTS[1:]] == ITEMS[1:]


@pytest.mark.parametrize("at", range(1, 11))
def test_folding_that_was_killed_loses_nothing(tmp_path: Path, at: int) -> None:
    """Whichever file was removed last: all is there once, and the next folding goes on."""
    for turn in range(3):
        LocalBlobs(tmp_path).put_all([f"{turn} {number}".encode() for number in range(20)])
    kept = set(LocalBlobs(tmp_path).iter())
    child = multiprocessing.get_context("fork").Process(target=_fold, args=(LocalBlobs(tmp_path), at))
    child.start()
    child.join(30)
    assert child.exitcode == 9
    assert sorted(LocalBlobs(tmp_path).iter()) == sorted(kept)
    assert len(dict(LocalBlobs(tmp_path).read_all(kept))) == 60
    LocalBlobs(tmp_path).scratch.make()
    assert {path.stem for path in files(tmp_path, ".pack")} == {path.stem for path in files(tmp_path, ".idx")}


def _fold(blobs: LocalBlobs, at: int) -> None:
    """Fold, and die before so many files are removed."""
    removed, unlink = 0, os.unlink

    def dying(name: str) -> None:
        nonlocal removed
        removed += 1
        if removed == at:
            os._exit(9)
        unlink(name)

    folding._FOLD = 3  # type: ignore[misc] # in a process that ends
    os.unlink = dying  # type: ignore[assignment]
    blobs.packs.reload()
    folding.fold(blobs.packs)
