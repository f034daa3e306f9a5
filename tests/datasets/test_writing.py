from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.datasets import writing
from loopline.datasets.copies import Copies
from loopline.datasets.placing import Place
from loopline.datasets.writing import Writing
from loopline.errors import Unavailable
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs

PATHS = ["a/b/1", "a/b/2", "a/c", "d/1", "d/2", "d/3", "e", "f/g/h/1", "f/g/h/2"]


def write(top: Path, blobs: MemoryBlobs, paths: list[str]) -> list[str]:
    """Write files that hold their paths; give the paths in the order in which they came."""
    scratch = top / ".loopline~"
    scratch.mkdir(parents=True, exist_ok=True)
    place = Place(str(top))
    entries = [Entry(path, blobs.put(path.encode()), len(path)) for path in paths]
    came = []
    for entry, stamp in Writing(Copies(blobs, mtime=1), place, str(top), str(scratch), -1).write(entries):
        status = (top / entry.path).stat()
        assert (stamp.inode, stamp.ctime, stamp.size) == (status.st_ino, status.st_ctime_ns, len(entry.path))
        came.append(entry.path)
    place.close()
    return came


@pytest.mark.parametrize("most", [1, 2, 100])
def test_every_file_is_in_its_place_when_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """In new folders and in those that are there, in order, with the stamp that it has there."""
    monkeypatch.setattr(writing, "MOST", most)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine").write_text("mine")
    assert write(tmp_path, MemoryBlobs(), PATHS) == PATHS
    assert {path: (tmp_path / path).read_text() for path in PATHS} == {path: path for path in PATHS}
    assert (tmp_path / "d" / "mine").read_text() == "mine"


def test_a_folder_that_somebody_makes_meanwhile_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in it stays."""
    real = os.mkdir

    def late(path: str, *more: object, **named: object) -> None:
        real(path, *more, **named)  # type: ignore[arg-type]
        if str(path).endswith(".folder") and not (tmp_path / "d").exists():
            real(tmp_path / "d")
            (tmp_path / "d" / "mine").write_text("mine")

    monkeypatch.setattr(os, "mkdir", late)
    assert write(tmp_path, MemoryBlobs(), ["d/1", "d/2"]) == ["d/1", "d/2"]
    assert sorted(one.name for one in (tmp_path / "d").iterdir()) == ["1", "2", "mine"]


def test_many_files_of_one_folder_are_renamed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new folder costs one rename, however many files it has."""
    renames = []
    real = os.rename

    def counted(old: str, new: str, **named: object) -> None:
        renames.append(new)
        real(old, new, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", counted)
    write(tmp_path, MemoryBlobs(), [f"x/{number:03d}" for number in range(300)])
    assert renames == ["x"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error says what failed and what to do, as for a file."""
    blobs, place = MemoryBlobs(), Place(str(tmp_path))
    copies = Copies(blobs, mtime=1)
    with pytest.raises(Unavailable) as caught:
        list(Writing(copies, place, str(tmp_path), str(tmp_path / "gone"), -1).write([Entry("a/b", blobs.put(b""), 0)]))
    assert (caught.value.kind, caught.value.facts["path"]) == ("folder-unwritable", "a")
    place.close()
