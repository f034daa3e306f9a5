"""The file that ties versions of data to a commit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, parse_pointer
from loopline.sdk.client import Local
from loopline.sdk.lock import FILE, Lock, Locked
from loopline.sdk.session import session
from loopline.sdk.workspace import Workspace

DATA = AssetName("flights", "data", "flights")
TREE = digest_of(b"tree")
LINE = f'[[data]]\nasset = "data/a"\nfolder = "rows"\nversion = 1\ntree = "{TREE}"\n'
MANY = [
    Locked("data/b", "z", 3, TREE),
    Locked('data/a"\\', 'with "quotes" and é\x7f\n', 1, TREE, branch="main", only=("jan/", "*.csv")),
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All that a line says comes back, in the order of folders, and a line of the same folder is replaced."""
    lock = Lock(tmp_path)
    assert (lock.exists(), lock.read()) == (False, ())
    lock.write(MANY)
    assert (lock.exists(), lock.read()) == (True, (MANY[1], MANY[0]))
    before = (tmp_path / FILE).stat().st_ino
    lock.write(MANY)
    assert (tmp_path / FILE).stat().st_ino == before
    lock.put(Locked("data/b", "z", 4, TREE))
    assert [one.version for one in lock.read()] == [1, 4]
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text",
    [
        "[[data",
        "data = 3",
        "[[data]]\nasset = 1",
        '[[data]]\nasset = "a"',
        "data = [1]",
        "\xff",
        "more = 1",
        LINE + "more = 1",
        LINE.replace("rows", "../rows"),
        LINE.replace("rows", "/rows"),
        LINE.replace("rows", "a//b"),
        LINE.replace("rows", ""),
        LINE.replace("= 1", "= 0"),
        LINE.replace("= 1", "= true"),
        LINE + 'only = "jan/"',
        LINE + "\n" + LINE,
        "<<<<<<< HEAD\n" + LINE,
    ],
)
def test_a_file_that_says_nothing_sensible_is_told(tmp_path: Path, text: str) -> None:
    """The error names the file and what to do; nothing is guessed."""
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(Invalid) as caught:
        Lock(tmp_path).read()
    assert caught.value.kind == "bad-lock"
    assert FILE in caught.value.message


def test_a_file_that_an_editor_of_windows_has_saved_is_read(tmp_path: Path) -> None:
    """Line ends and a mark at the beginning say nothing, and are no reason to write it."""
    lock = Lock(tmp_path)
    lock.write(MANY)
    (tmp_path / FILE).write_bytes(b"\xef\xbb\xbf" + (tmp_path / FILE).read_bytes().replace(b"\n", b"\r\n"))
    assert lock.read() == (MANY[1], MANY[0])
    before = (tmp_path / FILE).stat().st_ino
    lock.put(MANY[0])
    assert (tmp_path / FILE).stat().st_ino == before


def test_of_two_who_write_at_once_neither_is_lost(tmp_path: Path) -> None:
    """Each line is there that somebody put."""
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(Lock(tmp_path).put, Locked("data/a", f"{number}", 1, TREE)) for number in range(20)]
        for one in done:
            one.result()
    assert len(Lock(tmp_path).read()) == 20


def test_a_file_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    """A folder in its place, or none to write it in."""
    with pytest.raises(Unavailable) as caught:
        Lock(tmp_path / "none").write(MANY)
    assert caught.value.kind == "file-unwritable"
    (tmp_path / FILE).mkdir()
    with pytest.raises(Unavailable) as caught:
        Lock(tmp_path).read()
    assert caught.value.kind == "file-unreadable"


@pytest.fixture
def work(client: Local, project: Path) -> Workspace:
    """A workspace with two versions of one file."""
    (project / "data" / "flights").mkdir(parents=True)
    made = Workspace(client, session().settings)
    for text in ("one", "two"):
        (project / "data" / "flights" / "x").write_text(text)
        made.add(DATA)
    return made


def text(project: Path) -> str:
    """What the working folder holds."""
    return (project / "data" / "flights" / "x").read_text()


def test_data_follow_the_commit(work: Workspace, project: Path, tmp_path: Path) -> None:
    """Nothing is written unasked; then adding and checking out keep it true, and another commit's file brings its data."""
    assert not (project / FILE).exists()
    assert [one.number for one in work.lock()] == [2]
    second = (project / FILE).read_text()
    assert Lock(project).read() == (Locked("data/flights", "data/flights", 2, Lock(project).read()[0].tree, "main"),)
    work.checkout(parse_pointer("data/flights@1", project="flights"))
    assert [(one.version, one.branch) for one in Lock(project).read()] == [(1, "")]
    work.checkout(parse_pointer("data/flights", project="flights"), tmp_path / "elsewhere")
    assert [one.folder for one in Lock(project).read()] == ["data/flights"]
    (project / FILE).write_text(second)
    (standing,) = work.unlocked()
    assert (text(project), standing.clean, standing.branch) == ("two", True, "main")
    (project / "data" / "flights" / "x").write_text("three")
    work.add(DATA)
    (project / FILE).write_text(second)
    (standing,) = work.unlocked()
    assert (text(project), standing.number, standing.branch) == ("two", 2, "")
    assert (project / FILE).read_text() == second, "git would see a change that nobody made"


@pytest.mark.parametrize(
    ("change", "kind", "cls"),
    [
        (lambda said: said.replace("version = 2", "version = 1"), "other-history", Conflict),
        (lambda said: said.replace("version = 2", "version = 7"), "", NotFound),
        (lambda said: said[:0], "", LooplineError),
    ],
)
def test_what_is_not_here_is_not_brought(
    work: Workspace, project: Path, change: object, kind: str, cls: type[LooplineError]
) -> None:
    """A version with other files, or none, is refused before anything is touched; without the file there is nothing to do."""
    work.lock()
    said = change((project / FILE).read_text())  # type: ignore[operator]
    if said:
        (project / FILE).write_text(said)
    else:
        (project / FILE).unlink()
        kind = "lock-missing"
    with pytest.raises(cls) as caught:
        work.unlocked()
    assert kind in ("", caught.value.kind)
    assert text(project) == "two"


def test_work_is_not_overwritten(work: Workspace, project: Path) -> None:
    """What was changed and never added stops it."""
    work.lock()
    work.checkout(parse_pointer("data/flights@1", project="flights"))
    first = (project / FILE).read_text()
    work.checkout(parse_pointer("data/flights", project="flights"))
    (project / FILE).write_text(first)
    (project / "data" / "flights" / "x").write_text("mine")
    with pytest.raises(Conflict) as caught:
        work.unlocked()
    assert (caught.value.kind, text(project)) == ("local-changes", "mine")
