from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets import build as module
from loopline.datasets.build import build_folder
from loopline.datasets.hashing import hash_files
from loopline.datasets.index import Index
from loopline.datasets.standing import status
from loopline.nouns.digest import digest_of
from loopline.store.memory import MemoryBlobs

if TYPE_CHECKING:
    import pytest


def test_status_tells_what_adding_would_change(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """Added, removed and changed files come in order; nothing is stored; the tree of the folder itself is clean."""
    root = build_folder(blobs, folder, index).root
    assert list(status(blobs, root, folder, index)) == []
    (folder / "1" / "01.csv").write_text("changed")
    (folder / "1" / "new").write_text("new")
    (folder / "3" / "new").write_text("new")
    (folder / "2" / "02.csv").unlink()
    (folder / "0" / "00.csv").chmod(0o755)
    held = dict(blobs.held)
    found = list(status(blobs, root, folder, index))
    assert [(d.word, d.path) for d in found] == [
        ("changed", "0/00.csv"),
        ("changed", "1/01.csv"),
        ("added", "1/new"),
        ("removed", "2/02.csv"),
        ("added", "3/new"),
    ]
    assert blobs.held == held
    assert [d.new for d in status(blobs, build_folder(blobs, folder, index).root, folder, index)] == []


def test_status_hashes_once(folder: Path, blobs: MemoryBlobs, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one status read, the next one and a build in another process know."""
    root = build_folder(blobs, folder, index).root
    (folder / "1" / "01.csv").write_text("changed")
    time.sleep(0.01)
    assert len(list(status(blobs, root, folder, index))) == 1
    read: list[str] = []
    real = hash_files

    def counting(root: str, files: list[object], **more: object) -> object:
        read.extend(file.path for file in files)  # type: ignore[attr-defined]
        return real(root, files, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "hash_files", counting)
    assert len(list(status(blobs, root, folder, Index(index.file)))) == 1
    assert read == []
    build_folder(blobs, folder, Index(index.file))
    assert read == ["1/01.csv"]
    assert digest_of(b"changed") in blobs.held


def test_status_works_where_nothing_can_be_noted(
    folder: Path, blobs: MemoryBlobs, index: Index, tmp_path: Path
) -> None:
    """Looking needs no place to write."""
    root = build_folder(blobs, folder, index).root
    (tmp_path / "file").write_text("")
    assert list(status(blobs, root, folder, Index(tmp_path / "file" / "index"))) == []


def test_what_somebody_watches_is_not_looked_at(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """Only the paths that are named are, and links, since what they stand for may have changed by another path."""
    (folder / "link").symlink_to("0/00.csv")
    root = build_folder(blobs, folder, index).root
    (folder / "0" / "00.csv").write_text("changed")
    (folder / "1" / "01.csv").write_text("not told")
    found = list(status(blobs, root, folder, index, others=["0/00.csv"]))
    assert [one.path for one in found] == ["0/00.csv", "link"]
    found = list(status(blobs, root, folder, index, others=[]))
    assert [one.path for one in found] == ["0/00.csv", "link"]
    assert len(list(status(blobs, root, folder, index))) == 3
    (folder / ".looplineignore").write_text("01.csv\n")
    assert len(list(status(blobs, root, folder, index, others=[".looplineignore"]))) == 4
