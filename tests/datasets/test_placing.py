from __future__ import annotations

from pathlib import Path

import pytest

from loopline.datasets.placing import Place
from loopline.errors import Unavailable


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """The folder that files are placed in."""
    (tmp_path / "top").mkdir()
    return tmp_path / "top"


def test_files_are_placed_and_removed_with_their_folders(scratch: Path, top: Path) -> None:
    """Folders appear when needed, go when they become empty, and stay when something else is in them."""
    place = Place(str(top))
    for path in ("a/b/1", "a/b/2", "a/c", "d"):
        (scratch / "x").write_text(path)
        stamp = place.put(str(scratch / "x"), path)
        assert (top / path).read_text() == path
        assert stamp.inode == (top / path).stat().st_ino
    (top / "a" / "mine").write_text("?")
    for path in ("a/b/1", "a/b/2", "a/c", "a/none", "none/x", "d"):
        place.remove(path)
    place.close()
    assert sorted(str(p.relative_to(top)) for p in top.rglob("*")) == ["a", "a/mine"]


def test_a_file_takes_the_place_of_empty_folders(scratch: Path, top: Path) -> None:
    """A folder of empty folders gives way to a file; one that holds a file does not."""
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "x" / "y").mkdir(parents=True)
    (top / "x" / "y" / "mine").write_text("?")
    place = Place(str(top))
    for path in ("a", "x"):
        (scratch / path).write_text(path)
    place.put(str(scratch / "a"), "a")
    with pytest.raises(Unavailable):
        place.put(str(scratch / "x"), "x")
    place.close()
    assert (top / "a").read_text() == "a"
    assert (top / "x" / "y" / "mine").read_text() == "?"


@pytest.mark.parametrize("path", ["link/file", "link/deep/file"])
def test_no_link_leads_out(scratch: Path, top: Path, tmp_path: Path, path: str) -> None:
    """A link in the place of a folder is not followed, neither to write nor to remove; one in the place of a file is replaced."""
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("mine")
    (tmp_path / "out" / "deep" / "file").write_text("mine")
    (top / "link").symlink_to(tmp_path / "out")
    (top / "last").symlink_to(tmp_path / "out" / "file")
    (scratch / "x").write_text("new")
    place = Place(str(top))
    with pytest.raises(Unavailable):
        place.put(str(scratch / "x"), path)
    with pytest.raises(Unavailable):
        place.remove(path)
    place.put(str(scratch / "x"), "last")
    place.close()
    assert {p.read_text() for p in (tmp_path / "out").rglob("file")} == {"mine"}
    assert (top / "last").read_text() == "new"
    assert not (top / "last").is_symlink()
