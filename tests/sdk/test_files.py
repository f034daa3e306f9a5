"""Versions become read-only folders that several processes share."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from loopline.datasets.folders import TreeFolders
from loopline.datasets.tree import build
from loopline.errors import Conflict, Unavailable
from loopline.nouns.artifact import BYTES, TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.version import Version
from loopline.sdk.files import copy_out, materialise, remove
from loopline.store.memory import MemoryBlobs


@pytest.fixture
def blobs() -> MemoryBlobs:
    """An empty store."""
    return MemoryBlobs()


@pytest.fixture
def tree(blobs: MemoryBlobs, tmp_path: Path) -> Digest:
    """Three files, one of them executable."""
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    for name in ("x", "a/y", "a/b/z"):
        (tmp_path / "in" / name).write_text(name * 100)
    (tmp_path / "in" / "x").chmod(0o755)
    return TreeFolders(blobs).store(tmp_path / "in")


def modes(folder: Path) -> set[int]:
    return {one.stat().st_mode & 0o777 for one in [folder, *folder.rglob("*")]}


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_tree_becomes_a_folder(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """Its files are there, nobody may write them, and asking again gives the same folder without work."""
    made = materialise(blobs, tree, tmp_path / "trees")
    assert (made / "a/b/z").read_text() == "a/b/z" * 100
    assert modes(made) == {0o555, 0o444}
    assert os.access(made / "x", os.X_OK)
    before = made.stat().st_ino
    assert materialise(blobs, tree, tmp_path / "trees").stat().st_ino == before
    assert names(tmp_path / "trees") == [".lock", tree.removeprefix("sha256:")]


@pytest.mark.parametrize("harm", ["cut", "missing"])
def test_a_harmed_folder_is_made_again(blobs: MemoryBlobs, tree: Digest, tmp_path: Path, harm: str) -> None:
    """A file that lost its bytes or is gone does not stay so."""
    made = materialise(blobs, tree, tmp_path / "trees")
    (made / "a").chmod(0o755)
    (made / "a/y").chmod(0o644)
    (made / "a/y").unlink() if harm == "missing" else (made / "a/y").write_text("")
    assert (materialise(blobs, tree, tmp_path / "trees") / "a/y").read_text() == "a/y" * 100


def test_a_damaged_blob_leaves_nothing(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """A folder whose bytes are not those of the tree never appears."""
    entry = Entry("q", blobs.put(b"good"), 4)
    bad = build(blobs, [entry])
    blobs.held[entry.digest] = b"evil"
    with pytest.raises(Unavailable):
        materialise(blobs, bad, tmp_path / "trees")
    assert names(tmp_path / "trees") == [".lock"]


def test_many_at_once(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """Whoever comes second finds what the first made."""
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(materialise(blobs, tree, tmp_path / "t"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(names(tmp_path / "t")) == 2


def test_what_a_killed_process_left(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """A half-made folder of a process that was killed is removed by the next one that makes a folder."""
    (tmp_path / "trees" / ".fresh-old").mkdir(parents=True)
    materialise(blobs, tree, tmp_path / "trees")
    assert not (tmp_path / "trees" / ".fresh-old").exists()


def test_the_empty_tree(blobs: MemoryBlobs, tmp_path: Path) -> None:
    """No files are a folder as well."""
    assert list(materialise(blobs, build(blobs, []), tmp_path / "trees").iterdir()) == []


def version(digest: Digest, media_type: str) -> Version:
    return Version(AssetName("p", "data", "d"), 1, Artifact(digest, media_type))


def test_copies_are_ones_own(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """A copy can be written, does not replace what is there, and does with force."""
    copy_out(blobs, version(tree, TREE), tmp_path / "out")
    (tmp_path / "out" / "x").write_text("mine")
    with pytest.raises(Conflict) as caught:
        copy_out(blobs, version(tree, TREE), tmp_path / "out")
    assert caught.value.kind == "target-exists"
    assert (tmp_path / "out" / "x").read_text() == "mine"
    copy_out(blobs, version(blobs.put(b"one file"), BYTES), tmp_path / "out", force=True)
    assert (tmp_path / "out").read_bytes() == b"one file"


def test_remove(blobs: MemoryBlobs, tree: Digest, tmp_path: Path) -> None:
    """A read-only folder goes; one that is not there is no error."""
    made = materialise(blobs, tree, tmp_path / "trees")
    remove(made)
    remove(made)
    assert not made.exists()
