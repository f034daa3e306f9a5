from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loopline.datasets import hashing
from loopline.datasets.hashing import SMALL, Listed, hash_file, hash_files
from loopline.datasets.scan import look
from loopline.errors import Conflict, Unavailable
from loopline.nouns.digest import digest_of
from loopline.nouns.progress import Progress
from loopline.store.memory import MemoryBlobs


def quiet(progress: Progress) -> None:
    """Report nothing."""


def here(root: Path) -> Listed:
    """Look at all files of a folder."""
    return Listed(look(root, (file.name for file in root.iterdir())))


def fill(root: Path, sizes: list[int]) -> dict[str, bytes]:
    """Make files of these sizes."""
    content = {f"{number:04d}": (b"%d " % number * size)[:size] for number, size in enumerate(sizes)}
    for name, data in content.items():
        (root / name).write_bytes(data)
    return content


@pytest.mark.parametrize("keep", [True, False])
def test_every_file_gets_its_digest(tmp_path: Path, *, keep: bool) -> None:
    """Small files in groups and large ones alone, each digest is that of the bytes, and the store has them if asked."""
    content = fill(tmp_path, [0, 1, SMALL, SMALL + 1, 3 << 20, *range(600)])
    blobs = MemoryBlobs()
    reports: list[Progress] = []
    found = hash_files(str(tmp_path), here(tmp_path), into=blobs if keep else None, report=reports.append)
    assert {file.path: digest for file, digest in found} == {path: digest_of(data) for path, data in content.items()}
    assert all((digest_of(data) in blobs.held) == keep for data in content.values())
    total = sum(map(len, content.values()))
    assert [reports[0].done, reports[-1].done, reports[-1].total] == [0, total, total]
    assert all(a.done <= b.done for a, b in pairwise(reports))
    assert [report.done for report in reports].count(total) == 1


def test_no_files_are_no_work(tmp_path: Path) -> None:
    """Nothing to read reports nothing."""
    reports: list[Progress] = []
    assert list(hash_files(str(tmp_path), Listed(), into=None, report=reports.append)) == []
    assert reports == []


@pytest.mark.parametrize("size", [10, SMALL + 10])
@pytest.mark.parametrize("keep", [True, False])
def test_a_file_that_changes_once_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, *, keep: bool
) -> None:
    """The digest given is that of the bytes that stayed."""
    fill(tmp_path, [size])
    files = here(tmp_path)
    real = {"fstat": os.fstat, "stat": os.stat}
    calls = 0

    def looking(name: str) -> Callable[..., os.stat_result]:
        def look_late(what: int | str | Path, **more: Any) -> os.stat_result:
            nonlocal calls
            calls += 1
            if calls == 1:
                (tmp_path / "0000").write_bytes(b"new")
            found: os.stat_result = real[name](what, **more)  # type: ignore[operator]
            return found

        return look_late

    for name in real:
        monkeypatch.setattr(os, name, looking(name))
    ((file, digest),) = hash_files(str(tmp_path), files, into=MemoryBlobs() if keep else None, report=quiet)
    assert (digest, file.stamp.size) == (digest_of(b"new"), 3)


def test_a_file_that_never_rests_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three tries the file is named and nothing is claimed about it."""
    fill(tmp_path, [10, 10])
    files = here(tmp_path)

    def busy(path: str, size: int) -> tuple[bytes, os.stat_result]:
        with Path(path).open("ab") as stream:
            stream.write(b"x")
        return b"x" * size, Path(path).stat()

    monkeypatch.setattr(hashing, "read_small", busy)
    with pytest.raises(Conflict) as caught:
        list(hash_files(str(tmp_path), files, into=MemoryBlobs(), report=quiet))
    assert (caught.value.kind, caught.value.facts["path"]) == ("file-changing", "0000")


def test_a_file_that_vanishes_is_a_conflict(tmp_path: Path) -> None:
    """A file removed after the scan is named."""
    fill(tmp_path, [10])
    files = here(tmp_path)
    (tmp_path / "0000").unlink()
    with pytest.raises(Conflict) as caught:
        list(hash_files(str(tmp_path), files, into=None, report=quiet))
    assert caught.value.kind == "file-changing"


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses to read stops the work with the path."""
    fill(tmp_path, [10])
    files = here(tmp_path)

    def refuse(path: str, size: int) -> tuple[bytes, os.stat_result]:
        raise PermissionError(13, "Permission denied", path, size)

    monkeypatch.setattr(hashing, "_hash", refuse)
    with pytest.raises(Unavailable) as caught:
        list(hash_files(str(tmp_path), files, into=None, report=quiet))
    assert (caught.value.kind, caught.value.facts["path"]) == ("file-unreadable", "0000")


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    """Chunks leave nothing out at their borders."""
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    assert hash_file(str(tmp_path / "x")) == digest_of(data)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [10, SMALL + 10])
def test_what_came_into_the_place_of_a_file_is_judged_anew(tmp_path: Path, size: int, *, keep: bool) -> None:
    """A link out of the folder that was no link when it was seen is not followed, and a file there is taken as it is."""
    root, out = tmp_path / "data", tmp_path / "out"
    root.mkdir()
    fill(root, [size])
    files = here(root)
    out.write_text("secret")
    (root / "0000").unlink()
    (root / "0000").symlink_to(out)
    blobs = MemoryBlobs()
    with pytest.raises(Conflict) as caught:
        list(hash_files(str(root), files, into=blobs if keep else None, report=quiet))
    assert caught.value.kind == "file-changing"
    fresh = tmp_path / "fresh"
    fresh.write_text("other")
    fresh.replace(root / "0000")
    ((_, digest),) = hash_files(str(root), files, into=blobs if keep else None, report=quiet)
    assert digest == digest_of(b"other")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    fill(tmp_path, [10])
    files = here(tmp_path)
    (tmp_path / "0000").unlink()
    os.mkfifo(tmp_path / "0000")
    with pytest.raises(Conflict):
        list(hash_files(str(tmp_path), files, into=None, report=quiet))
