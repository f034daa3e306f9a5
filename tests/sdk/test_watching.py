"""A process tells `status` what has changed, and where it is gone, held up or another one, everything is looked at."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.datasets import scan as scanning
from loopline.errors import Conflict, Unavailable
from loopline.nouns.name import AssetName, parse_pointer
from loopline.sdk import watched as asking
from loopline.sdk import watching
from loopline.sdk.client import Local
from loopline.sdk.session import session
from loopline.sdk.workspace import Workspace

FLIGHTS = AssetName("flights", "data", "flights")


@pytest.fixture
def folder(project: Path) -> Path:
    """The folder of the data, with one file."""
    made = project / "data" / "flights"
    made.mkdir(parents=True)
    (made / "jan.csv").write_text("1")
    return made


@pytest.fixture
def work(client: Local, folder: Path) -> Iterator[Workspace]:
    """A workspace whose folder is added and watched."""
    made = Workspace(client, session().settings)
    made.add(FLIGHTS)
    assert made.watch(folder) == 1
    yield made
    if folder.is_dir():
        with contextlib.suppress(Conflict):
            made.unwatch(folder)


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the folders that are listed."""
    seen: list[str] = []
    real = scanning._Looking._folder

    def counting(self: scanning._Looking, folder: str) -> list[str] | None:
        seen.append(folder)
        return real(self, folder)

    monkeypatch.setattr(scanning._Looking, "_folder", counting)
    return seen


def process(folder: Path) -> int:
    """Give the number of the watcher's process."""
    found = []
    for one in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # others end meanwhile
            if one.name.isdigit() and f"loopline.sdk.watching\0{folder}\0".encode() in (one / "cmdline").read_bytes():
                found.append(int(one.name))
    (number,) = found
    return number


def words(work: Workspace) -> list[tuple[str, str]]:
    return [(one.word, one.path) for one in work.status(FLIGHTS).differences]


def note(work: Workspace, folder: Path) -> Path:
    return asking.note_of(work._index(folder).file)


def test_nothing_is_looked_at_but_what_changed(work: Workspace, folder: Path, scans: list[str]) -> None:
    """After one whole look, status lists no folder; adds go on being whole, and the next status is quick again."""
    assert (words(work), scans) == ([], [""])
    for name in ("feb.csv", "mar.csv"):
        (folder / name).write_text("2")
        assert ("added", name) in words(work)
    assert scans == [""]
    work.add(FLIGHTS)
    assert scans == ["", ""]
    (folder / "jan.csv").unlink()
    assert words(work) == [("removed", "jan.csv")]
    work.checkout(parse_pointer("data/flights@main", project="flights"), force=True)
    assert words(work) == []
    assert scans[2:] == [""]
    assert work.watch(folder) == 1
    work.unwatch(folder)
    with pytest.raises(Conflict) as caught:
        work.unwatch(folder)
    assert (caught.value.kind, note(work, folder).exists()) == ("not-watched", False)


@pytest.mark.parametrize("way", ["killed", "stopped", "other index", "somebody else's", "broken note"])
def test_without_an_answer_everything_is_looked_at(
    work: Workspace, folder: Path, scans: list[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A watcher that died is told once; one that is held up, another index, another user and a broken note are all the same."""
    assert words(work) == []
    (folder / "feb.csv").write_text("2")
    number = process(folder)
    if way in ("killed", "stopped"):
        os.kill(number, signal.SIGKILL if way == "killed" else signal.SIGSTOP)
    while way == "killed" and asking.is_listening(str(folder)):
        time.sleep(0.01)
    if way == "other index":
        work._index(folder).file.unlink()
    elif way == "somebody else's":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    elif way == "broken note":
        note(work, folder).unlink()
        note(work, folder).write_text("no note")
    assert words(work) == [("added", "feb.csv")]
    assert scans == ["", ""]
    assert len(work.said) == (way == "killed")
    assert words(work) == [("added", "feb.csv")]
    assert len(work.said) == (way == "killed")
    if way == "stopped":
        os.kill(number, signal.SIGCONT)


@pytest.mark.parametrize("way", ["renamed", "project"])
def test_a_watcher_ends_with_its_folder(
    work: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    """Once the folder has another name, or the project is gone, the process ends; about another folder it tells nobody."""
    number = process(folder)
    top = str(folder)
    if way == "renamed":
        (folder / "feb.csv").write_text("2")
        folder.rename(tmp_path / "other")
        folder.mkdir()
        (folder / "jan.csv").write_text("1")
        assert words(work) == []
        top = str(tmp_path / "other")
    else:
        kept = note(work, folder).parent
        kept.rename(tmp_path / "kept")
    (Path(top) / "wake").write_text("")
    end = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < end:
        with contextlib.suppress(OSError):  # it ends just now
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break
        time.sleep(0.02)
    assert not asking.is_listening(top)


def test_a_folder_that_cannot_be_watched_is_refused(
    client: Local, folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is said, nothing is left behind, and status looks at each file."""
    work = Workspace(client, session().settings)
    work.add(FLIGHTS)
    monkeypatch.setattr(watching, "MODULE", "loopline.none")
    with pytest.raises(Unavailable) as caught:
        work.watch(folder)
    assert caught.value.kind == "unwatchable"
    assert not note(work, folder).exists()
    assert words(work) == []


def test_why_says_which_limit_was_reached() -> None:
    """A limit of the system is named, so that somebody can raise it."""
    assert "max_user_watches" in watching.why(OSError(28, "No space left on device"))
    assert watching.why(OSError(13, "Permission denied")) == "Permission denied"


def test_a_watcher_says_why_it_ended(work: Workspace, folder: Path) -> None:
    """What it has left in the note is told once by the next status."""
    file = note(work, folder)
    work.unwatch(folder)
    asking.write(file, {"ended": "the disk is gone"})
    assert words(work) == []
    assert work.said == [f"nobody watches {folder} any more: the disk is gone"]
    assert not file.exists()
