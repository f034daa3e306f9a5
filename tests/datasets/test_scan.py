from __future__ import annotations

import inspect
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.datasets.build import build_folder
from loopline.datasets.checkout import checkout
from loopline.datasets.index import Index
from loopline.datasets.parts import Parts
from loopline.datasets.scan import _Looking, look, scan, scan_parts
from loopline.errors import Invalid, NotFound, Unavailable
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import scanned


def fill(root: Path, *paths: str) -> None:
    """Make files that hold their own paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_files_come_in_the_order_of_a_tree(tmp_path: Path) -> None:
    """Folders and files sort together by the bytes of the whole path."""
    paths = ["a!", "a-b/x", "a.b", "a/c", "a/c.d/e", "a0", "é", "z/y"]
    fill(tmp_path, *paths)
    found = scanned(tmp_path)
    assert [one.path for one in found] == sorted(paths, key=str.encode) == [*paths[:6], "z/y", "é"]
    assert [one.stamp.size for one in found] == [len(one.path.encode()) for one in found]


NAMES = st.text(st.sampled_from("ab.!-0é\\ "), min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=12))
def test_any_names_come_in_order(tmp_path: Path, parts: set[tuple[str, ...]]) -> None:
    """Whatever the names, the scan is sorted as a tree wants it."""
    root = Path(tempfile.mkdtemp(dir=tmp_path))
    taken: list[str] = []
    for path in sorted("/".join(one) for one in parts):
        if not any(path.startswith(other + "/") or other.startswith(path + "/") for other in taken):
            taken.append(path)
    fill(root, *taken)
    assert [one.path for one in scanned(root)] == sorted(taken, key=str.encode)


def test_modes_keep_whether_the_owner_may_execute(tmp_path: Path) -> None:
    """Any mode becomes 0755 or 0644."""
    fill(tmp_path, "a", "b", "c")
    (tmp_path / "a").chmod(0o700)
    (tmp_path / "b").chmod(0o600)
    (tmp_path / "c").chmod(0o655)
    assert [one.mode for one in scanned(tmp_path)] == [0o755, 0o644, 0o644]


def test_new_rules_hold_after_a_scan_that_was_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that rules leave out now are left out next time, too, though not all folders were looked at by them."""
    root, index = tmp_path / "data", Index(tmp_path / "index")
    fill(root, "a/secret", "b/secret", "b/c")
    build_folder(MemoryBlobs(), root, index)
    (root / ".looplineignore").write_text("secret\n")
    walk, walked = _Looking._folder, []

    def cut(self: _Looking, folder: str) -> list[str] | None:
        walked.append(folder)
        if len(walked) == 2:
            raise KeyboardInterrupt
        return walk(self, folder)

    monkeypatch.setattr(_Looking, "_folder", cut)
    with pytest.raises(KeyboardInterrupt):
        build_folder(MemoryBlobs(), root, index)
    monkeypatch.undo()
    again = Index(tmp_path / "index")
    build_folder(MemoryBlobs(), root, again)
    assert [entry.path for entry in again.entries()] == [".looplineignore", "b/c"]


def test_many_folders_in_each_other_are_walked(tmp_path: Path) -> None:
    """However deep a folder lies, looking at it takes no more of the interpreter's stack (pytest removes it by recursion)."""
    path = "a/" * 600 + "x"
    here = os.open(tmp_path, os.O_RDONLY)
    for part in path.split("/")[:-1]:
        os.mkdir(part, dir_fd=here)
        below = os.open(part, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    index, blobs = Index(tmp_path / "index"), MemoryBlobs()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "other").write_text("")
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    try:
        root = build_folder(blobs, tmp_path / "a", index).root
        assert [entry.path for entry in index.entries()] == [path[2:]]
        assert checkout(blobs, root, tmp_path / "b", Index(tmp_path / "other")).written == 1
    finally:
        sys.setrecursionlimit(usual)


def test_ignored_files_and_folders_are_left_out(tmp_path: Path) -> None:
    """Rules of the folder hold, and an ignored folder is not entered."""
    fill(tmp_path, ".looplineignore", "a.tmp", "b", ".git/config", "d/.loopline/x", "cache/deep/x", "d/y")
    (tmp_path / ".looplineignore").write_text("*.tmp\ncache/\n")
    (tmp_path / "cache").chmod(0)
    try:
        assert [one.path for one in scanned(tmp_path)] == [".looplineignore", "b", "d/y"]
    finally:
        (tmp_path / "cache").chmod(0o755)


def test_a_link_to_a_file_of_the_folder_is_that_file(tmp_path: Path) -> None:
    """Inside of the folder a link stands for what it points at."""
    fill(tmp_path, "a/x")
    (tmp_path / "y").symlink_to("a/x")
    x, y = scanned(tmp_path)
    assert (y.path, y.stamp) == ("y", x.stamp)


def test_whatever_is_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links out, to folders and to nothing, sockets and pipes are told together, after all files."""
    root = tmp_path / "root"
    fill(tmp_path, "root/a/x", "secret", "root2/x")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "near").symlink_to("../root2/x")
    (root / "folder").symlink_to("a")
    (root / "nothing").symlink_to("none")
    (root / "circle").symlink_to("circle")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    index = Index(tmp_path / "index")
    with pytest.raises(Invalid) as caught:
        scan(root, index)
    assert caught.value.kind == "not-a-file"
    assert caught.value.facts["paths"] == ["circle", "folder", "near", "nothing", "out", "pipe", "socket"]
    assert [index.found("a/x").path] == ["a/x"]


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    """A file whose name no tree can hold is named, as far as a name can be."""
    (tmp_path / os.fsdecode(b"a\xff")).write_text("x")
    with pytest.raises(Invalid) as caught:
        scanned(tmp_path)
    assert (caught.value.kind, caught.value.facts["count"]) == ("bad-path", 1)


def test_the_folder_must_be_one(tmp_path: Path) -> None:
    """A missing folder and a file in its place are told apart."""
    fill(tmp_path, "x")
    with pytest.raises(NotFound) as missing:
        scanned(tmp_path / "none")
    with pytest.raises(Invalid) as file:
        scanned(tmp_path / "x")
    assert (missing.value.kind, file.value.kind) == ("folder-missing", "not-a-folder")


def test_an_unreadable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the system refuses to list is an error, not an empty folder."""
    fill(tmp_path, "a/x")
    real = os.open

    def refuse(path: str, *more: Any, **named: Any) -> int:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path, *more, **named)

    with monkeypatch.context() as patch, pytest.raises(Unavailable) as caught:
        patch.setattr(os, "open", refuse)
        scanned(tmp_path)
    assert (caught.value.kind, caught.value.facts["path"]) == ("file-unreadable", "a")


def test_look_takes_what_it_is_told(tmp_path: Path) -> None:
    """Listed files come sorted and once; what is gone is left out; what is no file is told."""
    fill(tmp_path, "b", "a/x", "c")
    assert [one.path for one in look(tmp_path, ["c", "a/x", "c", "gone", "b/under"])] == ["a/x", "c"]
    with pytest.raises(Invalid) as caught:
        look(tmp_path, ["a"])
    assert caught.value.kind == "not-a-file"
    with pytest.raises(Invalid) as climbing:
        look(tmp_path, ["../x"])
    assert climbing.value.kind == "bad-path"


def test_only_the_parts_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder with much in it, the named file and the named folder are looked at, and nothing else."""
    top = tmp_path / "data"
    fill(top, "big/1", "big/2", "big/3", "new/a", "new/b")
    seen: list[str] = []
    real = os.stat

    def counting(path: Any, **more: Any) -> os.stat_result:
        seen.append(str(path))
        return real(path, **more)

    index = Index(tmp_path / "index")
    monkeypatch.setattr(os, "stat", counting)
    unread, files = scan_parts(top, index, Parts(["big/2", "new"]))
    monkeypatch.undo()
    assert [one.path for one in files] == ["big/2"]
    assert sorted(one.path for one in unread) == ["new/a", "new/b"]
    assert not {"1", "3"} & {Path(one).name for one in seen}


def test_a_part_behind_a_link_is_refused(tmp_path: Path) -> None:
    """A way over a link, or through a file, leads to no part of the folder; what is left out is no part either."""
    fill(tmp_path, "d/a", "left/out")
    (tmp_path / "link").symlink_to("d")
    (tmp_path / ".looplineignore").write_text("left/\n")
    index = Index(tmp_path.parent / "index")
    for path in ("link/a", "d/a/b"):
        with pytest.raises(Invalid) as caught:
            scan_parts(tmp_path, index, Parts([path]))
        assert caught.value.facts["paths"] == [path]
    unread, files = scan_parts(tmp_path, index, Parts(["left/out", "left"]))
    assert (len(unread), files) == (0, [])


def test_rules_that_come_with_a_part_count_for_all(tmp_path: Path) -> None:
    """Where only a part was looked at by new rules, the next whole look asks them about every file."""
    fill(tmp_path / "data", "a.log", "b.csv", "d/c.log")
    index, blobs = Index(tmp_path / "index"), MemoryBlobs()
    assert build_folder(blobs, tmp_path / "data", index).files == 3
    (tmp_path / "data" / ".looplineignore").write_text("*.log\n")
    scan_parts(tmp_path / "data", index, Parts(["b.csv"]))
    assert build_folder(blobs, tmp_path / "data", index).files == 2
