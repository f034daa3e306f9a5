from __future__ import annotations

from pathlib import Path

import pytest

from loopline.datasets.build import build_folder
from loopline.datasets.folders import TreeFolders
from loopline.datasets.index import Index
from loopline.errors import Invalid
from loopline.store.memory import MemoryBlobs


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    """Files, their folders and whether they are executable survive, and the root is that of any other way to build."""
    blobs = MemoryBlobs()
    for path in ("a.b", "a/1", "a/b/2", "a0"):
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_text(path)
    (tmp_path / "in" / "a0").chmod(0o755)
    root = TreeFolders(blobs).store(tmp_path / "in")
    assert root == build_folder(blobs, tmp_path / "in", Index(tmp_path / "index")).root
    TreeFolders(blobs).fetch(root, tmp_path / "out")
    assert TreeFolders(blobs).store(tmp_path / "out") == root


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A link is not followed, not even inside of the folder."""
    (tmp_path / "x").write_text("x")
    (tmp_path / "y").symlink_to("x")
    with pytest.raises(Invalid) as caught:
        TreeFolders(MemoryBlobs()).store(tmp_path)
    assert caught.value.kind == "not-a-file"
