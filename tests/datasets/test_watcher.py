from __future__ import annotations

import ctypes
import os
import select
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets import watcher as module
from loopline.datasets.build import build_folder
from loopline.datasets.index import Index
from loopline.datasets.inotify import Inotify, is_full
from loopline.datasets.standing import status
from loopline.datasets.watcher import Token, Watcher
from loopline.errors import Invalid
from loopline.store.memory import MemoryBlobs


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with a file and a folder in it."""
    (tmp_path / "data" / "d").mkdir(parents=True)
    (tmp_path / "data" / "a").write_text("1")
    (tmp_path / "data" / "d" / "b").write_text("2")
    return tmp_path / "data"


def exchange(one: Path, other: Path) -> None:
    """Let two take each other's names, in one call."""
    ctypes.CDLL(None).renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)


@pytest.fixture
def watcher(top: Path) -> Iterator[Watcher]:
    """Watches it."""
    made = Watcher(str(top))
    yield made
    made.close()


def test_what_changed_is_told_since_a_moment(top: Path, watcher: Watcher) -> None:
    """Each moment has its own answer, the first is that nobody knows, and what is below a new folder is in it."""
    first, others = watcher.ask(None)
    assert others is None
    assert watcher.ask(first)[1] == []
    (top / "d" / "b").write_text("3")
    second, others = watcher.ask(first)
    assert others == ["d/b"]
    (top / "new" / "deep").mkdir(parents=True)
    (top / "new" / "deep" / "c").write_text("")
    (top / "a").unlink()
    assert watcher.ask(second)[1] == ["a", "new", "new/deep/c"] or watcher.ask(second)[1] == ["a", "new"]
    (top / "new" / "deep" / "c").write_text("4")
    assert {"a", "d/b", "new", "new/deep/c"} <= set(watcher.ask(first)[1] or [])


def test_a_renamed_folder_is_watched_by_its_new_name(top: Path, watcher: Watcher) -> None:
    """Both names have changed, and later changes come by the new one."""
    (top / "d").rename(top / "e")
    then, _ = watcher.ask(watcher.ask(None)[0])
    (top / "e" / "b").write_text("3")
    assert watcher.ask(then)[1] == ["e/b"]


def test_exchanged_folders_are_watched_by_their_new_names(top: Path, watcher: Watcher) -> None:
    """Two folders that took each other's names in one call go on being watched, both."""
    (top / "e" / "deep").mkdir(parents=True)
    (top / "d" / "low").mkdir()
    since, _ = watcher.ask(None)
    exchange(top / "d", top / "e")
    since, others = watcher.ask(since)
    assert others == ["d", "e"]
    for path in ("e/b", "d/new", "d/deep/new", "e/low/new"):
        (top / path).write_text("3")
        since, others = watcher.ask(since)
        assert others == [path]


def test_a_folder_is_listed_to_its_end(top: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that goes while a folder is listed hides none of what is listed after it."""
    since, _ = watcher.ask(None)
    (top / "new" / "deep").mkdir(parents=True)
    (top / "new" / "gone").write_text("")
    monkeypatch.setattr(os, "scandir", _Going)
    since, _ = watcher.ask(since)
    monkeypatch.undo()
    (top / "new" / "deep" / "c").write_text("3")
    assert watcher.ask(since)[1] == ["new/deep/c"]


_SCANDIR = os.scandir


class _Going:
    """Lists files before folders, and each file called `gone` after it is gone."""

    def __init__(self, folder: str) -> None:
        with _SCANDIR(folder) as entries:
            self._entries = sorted(entries, key=lambda entry: entry.is_dir(follow_symlinks=False))
        for entry in self._entries:
            if entry.name == "gone":
                Path(entry.path).unlink()

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return iter(self._entries)

    def __exit__(self, *_: object) -> None:
        return None


def test_both_names_of_a_file_are_known_however_the_second_came(top: Path, watcher: Watcher) -> None:
    """Of a file that is linked into a folder before that is watched, the name that was there may have changed, too."""
    since, _ = watcher.ask(None)
    (top / "new").mkdir()
    (top / "new" / "a").hardlink_to(top / "a")
    since, others = watcher.ask(since)
    assert others is None
    (top / "new" / "a").write_text("3")
    assert watcher.ask(since)[1] == ["a", "new/a"]


def test_a_folder_in_the_place_of_another_is_not_taken_for_it(top: Path, watcher: Watcher) -> None:
    """Where the folder is gone nothing is told, even if another one has got its place and its inode."""
    since, _ = watcher.ask(None)
    shutil.rmtree(top)
    top.mkdir()
    with pytest.raises(OSError, match="gone"):
        watcher.ask(since)


def test_what_is_mounted_below_cannot_be_watched(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or folder that is mounted there from the same file system changes by its other name: nothing is watched."""
    table = tmp_path / "mounts"
    monkeypatch.setattr(module, "MOUNTS", table)
    monkeypatch.setattr(select, "poll", _Still)
    line = "31 23 0:28 / {} rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    table.write_text(line.format(top) + line.format(top / ".git") + line.format(f"{top}-b"))
    Watcher(str(top)).close()
    (top / "a b").write_text("")
    table.write_text(line.format(f"{top}/a\\040b"))
    with pytest.raises(OSError, match="a b is mounted"):
        Watcher(str(top))


class _Still:
    def register(self, *_: int) -> None:
        return None

    def poll(self, _: int) -> list[tuple[int, int]]:
        return []


def test_losses_cost_one_new_beginning(top: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often changes are lost, all is looked at anew once, when somebody asks or nothing goes on."""
    begun, real = list[int](), Watcher.again

    def again(self: Watcher) -> None:
        begun.append(1)
        real(self)

    monkeypatch.setattr(Watcher, "again", again)
    since, _ = watcher.ask(None)
    for name in "xyz":
        (top / name).hardlink_to(top / "a")
        watcher.drain()
    assert not begun
    watcher.rest()
    watcher.rest()
    assert begun == [1]
    monkeypatch.setattr(module, "MOST", 1)
    for _ in range(3):
        (top / "a").write_text("2")
        (top / "d" / "b").write_text("2")
        since, others = watcher.ask(since)
        assert others is None
    assert begun == [1]


@pytest.mark.parametrize("way", ["overflow", "many", "links", "mount", "hour", "life"])
def test_what_cannot_be_told_is_everything(
    top: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Lost changes, too many, new hard links, a mount, an old look, another watcher: whoever asks has to look at all."""
    since, _ = watcher.ask(None)
    assert watcher.ask(since)[1] == []
    if way == "overflow":
        most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        monkeypatch.setattr(module, "MOST", 10**9)
        for number in range(most // 2 + 100):
            os.utime(top / "a", (number, number))
            os.utime(top / "d" / "b", (number, number))
    elif way == "many":
        monkeypatch.setattr(module, "MOST", 1)
        (top / "a").write_text("2")
        (top / "d" / "b").write_text("2")
    elif way == "links":
        (top / "more").hardlink_to(top / "a")
    elif way == "mount":
        monkeypatch.setattr(watcher, "_mounts", _Changed())
    elif way == "hour":
        monkeypatch.setattr(module, "TRUST", 0.0)
    else:
        since = Token("other", since.number, since.began)
    assert watcher.ask(since)[1] is None
    monkeypatch.undo()
    again, _ = watcher.ask(None)
    (top / "d" / "b").write_text("after")
    assert "d/b" in (watcher.ask(again)[1] or [])


class _Changed:
    def poll(self, _: int) -> list[tuple[int, int]]:
        return [(0, 0)]


def test_a_file_with_another_name_may_always_have_changed(top: Path, tmp_path: Path) -> None:
    """What can be written by a name elsewhere is named each time."""
    (tmp_path / "outside").hardlink_to(top / "d" / "b")
    watcher = Watcher(str(top))
    since, _ = watcher.ask(None)
    (tmp_path / "outside").write_text("3")
    assert watcher.ask(since)[1] == ["d/b"]
    shutil.rmtree(top / "d")
    since, _ = watcher.ask(since)
    assert watcher.ask(since)[1] == []
    watcher.close()


def test_a_watcher_knows_when_its_folder_is_gone(top: Path, watcher: Watcher, tmp_path: Path) -> None:
    """Renamed, or another folder in its place: it is not there any more."""
    assert watcher.is_there()
    top.rename(tmp_path / "other")
    assert not watcher.is_there()
    top.mkdir()
    assert not watcher.is_there()


def test_a_limit_is_told(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system lets nobody watch more, nothing is watched."""
    real, calls = Inotify.add, list[str]()

    def full(self: Inotify, folder: str) -> int:
        calls.append(folder)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(self, folder)

    monkeypatch.setattr(Inotify, "add", full)
    with pytest.raises(OSError, match="No space") as caught:
        Watcher(str(top))
    assert is_full(caught.value)


NAMES = st.sampled_from(["a", "b", "d/a", "d/e/b", "f/a"])
FOLDERS = st.sampled_from(["d", "d/e", "f"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.sampled_from(["1", "22", "x"])),
    st.tuples(st.sampled_from(["remove", "touch", "chmod", "link", "hard"]), NAMES, NAMES),
    st.tuples(st.just("drop"), FOLDERS, st.just("")),
    st.tuples(st.just("swap"), FOLDERS, FOLDERS),
    st.tuples(st.just("move"), FOLDERS | NAMES, FOLDERS | NAMES),
    st.tuples(st.just("ignore"), st.sampled_from(["b", "d/e/", ""]), st.just("")),
    st.tuples(st.sampled_from(["status", "status", "add", "outside", "lose"]), st.just("a"), st.just("")),
)


def work(root: Path, what: str, path: str, other: str) -> None:
    """Do to a folder what people do; what the system refuses is not done."""
    file, there = root / path, root / other
    try:
        if what in ("write", "link", "hard", "move"):
            target = there if what == "move" else file
            target.parent.mkdir(parents=True, exist_ok=True)
        if what == "write":
            file.write_text(other)
        elif what == "remove":
            file.unlink()
        elif what == "touch":
            os.utime(file, (10**9, 10**9))
        elif what == "chmod":
            file.chmod(file.stat().st_mode ^ 0o100)
        elif what == "link" and there.is_file():
            file.symlink_to(os.path.relpath(there.resolve(), file.parent.resolve()))
        elif what == "hard":
            file.hardlink_to(there)
        elif what == "drop":
            shutil.rmtree(file)
        elif what == "move":
            file.rename(there)
        elif what == "swap":
            exchange(file, there)
        elif what == "ignore":
            (root / ".looplineignore").write_text(path + "\n")
        elif what == "outside":
            (root.parent / "outside").write_text("out" + other)
    except OSError:
        pass


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=16))
def test_status_is_the_same_with_a_watcher(steps: list[tuple[str, str, str]]) -> None:
    """After any edits, renames, links and losses, what a watcher lets `status` leave out is never what has changed."""
    with tempfile.TemporaryDirectory() as place:
        root, blobs = Path(place) / "data", MemoryBlobs()
        (root / "d").mkdir(parents=True)
        (root / "a").write_text("1")
        (root.parent / "outside").hardlink_to(root / "a")
        index, watcher = Index(Path(place) / "index"), Watcher(str(root))
        tree, since = build_folder(blobs, root, index).root, None
        try:
            for what, path, other in [*steps, ("status", "", "")]:
                if what not in ("status", "add", "lose"):
                    work(root, what, path, other)
                    continue
                if what == "lose":
                    watcher.again()
                    continue
                now, others = watcher.ask(since)
                try:
                    if what == "add":
                        tree, others = build_folder(blobs, root, index).root, None
                    found = list(status(blobs, tree, root, index, others=others))
                except Invalid as error:
                    since = None
                    with pytest.raises(Invalid) as caught:
                        list(status(blobs, tree, root, Index(Path(place) / "none")))
                    assert caught.value.facts == error.facts
                    continue
                since = now
                assert found == list(status(blobs, tree, root, Index(Path(place) / "none")))
                (Path(place) / "none").unlink(missing_ok=True)
        finally:
            watcher.close()
