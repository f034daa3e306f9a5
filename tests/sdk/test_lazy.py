"""A version's files are fetched when they are needed, and only those."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from loopline.datasets.folders import TreeFolders
from loopline.datasets.tree import build
from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.artifact import BYTES, TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.name import AssetName
from loopline.nouns.progress import Progress
from loopline.nouns.version import Version
from loopline.sdk.client import Local
from loopline.sdk.lazy import Files, pointer_of
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs


class Counted(MemoryBlobs):
    """A store that writes down what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Digest] = []

    def read(self, digest: Digest) -> bytes:
        self.asked.append(digest)
        return super().read(digest)


FILES = {
    "2013/01.csv": b"a,b\n1,2\n",
    "2013/02.csv": b"a,b\n3,4\n",
    "2014/01.csv": b"a,b\n5,6\n",
    "notes.txt": "é\n".encode(),
}


def version(digest: Digest, media_type: str = TREE) -> Version:
    return Version(AssetName("flights", "data", "flights"), 3, Artifact(digest, media_type, 0))


def files_of(blobs: Any, work: Path, files: dict[str, bytes] = FILES, **more: Any) -> Files:
    tree = build(blobs, sorted(Entry(path, blobs.put(data), len(data)) for path, data in files.items()))
    return Files(version(tree), blobs, work, **more)


@pytest.fixture
def blobs() -> Counted:
    """An empty store."""
    return Counted()


@pytest.fixture
def files(blobs: Counted, tmp_path: Path) -> Files:
    """Four files, of which nothing was read yet."""
    found = files_of(blobs, tmp_path)
    blobs.asked.clear()
    return found


def test_one_file_of_many_is_read_alone(blobs: Counted, tmp_path: Path) -> None:
    """One file of 100,000 costs its own bytes and the three nodes of the tree on the way to it; a page costs as little."""
    one = blobs.put(b"the one")
    entries = (Entry(f"{number:06}.bin", Digest(f"sha256:{number:064x}"), 7) for number in range(50_000))
    more = (Entry(f"z{number:06}.bin", Digest(f"sha256:{number:064x}"), 7) for number in range(50_000))
    tree = build(blobs, [*entries, Entry("the.one", one, 7), *more])
    blobs.asked.clear()
    files = Files(version(tree), blobs, tmp_path)
    assert blobs.asked == []
    assert files.open("the.one").read() == b"the one"
    assert (files / "the.one").read_bytes() == b"the one"
    assert blobs.asked.count(one) == 2
    assert len(blobs.asked) <= 5
    blobs.asked.clear()
    assert [line.path for line in files.ls(after="049990.bin", limit=3)] == ["049991.bin", "049992.bin", "049993.bin"]
    assert next(files.files("z04")).path == "z040000.bin"
    assert len(blobs.asked) <= 8


def test_files_are_listed_and_found(files: Files) -> None:
    """They are listed whole, by prefix and level by level, and looked up."""
    assert [one.path for one in files.files("2013/")] == ["2013/01.csv", "2013/02.csv"]
    assert files.ls()[:2] == [Folder("2013/", 2, 16), Folder("2014/", 1, 8)]
    assert [one.path for one in files.ls("2013")] == [one.path for one in files.ls("2013/")]
    assert files.find("2013") is None
    assert files.find("notes.txt") is not None


def test_files_are_opened(files: Files, blobs: Counted) -> None:
    """Bytes or text, and nothing is read before somebody reads."""
    with files.open("2013/01.csv") as file:
        assert blobs.asked == [files.version.artifact.digest]  # the tree
        assert file.read(3) == b"a,b"
        assert file.raw.name == "data/flights@3/2013/01.csv"
    with files.open("notes.txt", "r") as text:
        assert text.read() == "é\n"


@pytest.mark.parametrize(("path", "mode", "kind"), [
    ("nope.csv", "rb", "path-missing"), ("2013", "rb", "path-missing"), ("", "rb", "is-a-tree"), ("notes.txt", "w", "read-only"),
])  # fmt: skip
def test_what_cannot_be_opened(files: Files, path: str, mode: Any, kind: str) -> None:
    """A path that is no file, and any mode that writes, are refused by name."""
    with pytest.raises((NotFound, Invalid)) as caught:
        files.open(path, mode)
    assert caught.value.kind == kind


def test_paths_are_made_one_at_a_time(files: Files, tmp_path: Path) -> None:
    """A file, a folder or a pattern brings what it names and nothing else."""
    one = files / "2013/01.csv"
    assert one.read_bytes() == FILES["2013/01.csv"]
    assert sorted(path.name for path in one.parent.iterdir()) == ["01.csv"]
    folder = files / "2013"
    assert sorted(path.name for path in folder.iterdir()) == ["01.csv", "02.csv"]
    assert [str(path.relative_to(folder.parent)) for path in files.fetch("01.csv")] == ["2013/01.csv", "2014/01.csv"]
    assert files.fetch("2013/01.csv") == [one]
    assert not (folder.parent / "notes.txt").exists()
    assert not (files / "nope").exists()
    with pytest.raises(NotFound):
        files.fetch("*.parquet")
    with pytest.raises(Invalid):
        files / "../../secret"
    assert not (tmp_path / "trees").exists()


def test_the_whole_is_a_folder(files: Files) -> None:
    """It stands for the path of all of it, and what is fetched later comes from there."""
    assert sorted(one.name for one in Path(files).iterdir()) == ["2013", "2014", "notes.txt"]
    assert (files / "2013/01.csv") == files.path / "2013/01.csv"
    assert files.fetch("2014/") == [files.path / "2014/01.csv"]


def test_progress_is_told(blobs: Counted, tmp_path: Path) -> None:
    """What is fetched is told in bytes, and ends where it ends."""
    seen: list[Progress] = []
    files_of(blobs, tmp_path, report=seen.append).fetch()
    assert [one.done for one in seen] == [8, 16, 24, 27]
    assert {one.total for one in seen} == {27}


def test_a_version_that_is_one_file(blobs: Counted, tmp_path: Path) -> None:
    """It is opened without a path, and its path is a file."""
    one = Files(version(blobs.put(b"alone"), BYTES), blobs, tmp_path)
    assert one.open().read() == b"alone"
    assert one.path.read_bytes() == b"alone"
    assert one.fetch() == [one.path]
    assert list(one.files()) == one.ls() == []
    assert one.find("x") is None
    with pytest.raises(NotFound):
        one.open("x")


def test_damage_is_not_seen(files: Files, blobs: Counted, tmp_path: Path) -> None:
    """A damaged blob raises, names what it touches, and leaves no file; the others are read."""
    told: list[str] = []
    files._explain = lambda error: told.append(error.kind)
    entry = files.find("2013/01.csv")
    assert entry is not None
    blobs.held[entry.digest] = b"a,b\n1,9\n"
    with pytest.raises(Unavailable):
        files.open("2013/01.csv").read(1)
    with pytest.raises(Unavailable):
        files / "2013/01.csv"
    with pytest.raises(Unavailable):
        files.fetch()
    assert told == ["blob-corrupt"] * 3
    assert (files / "2013/02.csv").read_bytes() == FILES["2013/02.csv"]
    assert not [
        one for one in tmp_path.rglob("*") if one.is_file() and b"1,9" in one.read_bytes() and one.name[0] != "."
    ]


def test_threads_share_it(files: Files) -> None:
    """Many threads that open, list and fetch at once each get what is there."""
    wrong: list[object] = []

    def work(turn: int) -> None:
        for path, data in FILES.items():
            if turn % 2:
                wrong.extend([path] if files.open(path).read() != data else [])
            else:
                wrong.extend([path] if (files / path).read_bytes() != data else [])
        wrong.extend([] if len(list(files.files())) == 4 else ["list"])

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def _in_child(files: Files, file: Any, queue: Any) -> None:
    queue.put((file.read(3), files.open("2014/01.csv").read(), (files / "notes.txt").read_bytes()))


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_children_read_on(tmp_path: Path, way: str) -> None:
    """A child that was forked goes on with what its parent had open; one that was spawned gets the files by pickling."""
    files = files_of(LocalBlobs(tmp_path / "store"), tmp_path / "cache")
    file = files.open("2013/02.csv")
    assert file.read(4) == b"a,b\n"
    context: Any = multiprocessing.get_context(way)
    queue = context.SimpleQueue()
    given = file if way == "fork" else pickle.loads(pickle.dumps(files)).open("2013/02.csv").raw
    if way == "spawn":
        assert str(pickle.loads(pickle.dumps(files))) == "data/flights@3"
        process = context.Process(target=_in_spawned, args=(files, queue))
    else:
        process = context.Process(target=_in_child, args=(files, given, queue))
    process.start()
    process.join()
    first, *rest = queue.get()
    assert first == (b"3,4" if way == "fork" else b"a,b")
    assert rest == [FILES["2014/01.csv"], FILES["notes.txt"]]
    assert file.read() == b"3,4\n"


def _in_spawned(files: Files, queue: Any) -> None:
    _in_child(files, files.open("2013/02.csv"), queue)


@pytest.mark.parametrize(("said", "meant"), [
    ("flights", "data/flights"), ("flights@main", "data/flights@main"), ("data/flights@2", "data/flights@2"),
    ("other:flights@2", "other:data/flights@2"), ("model/delay@champion", "model/delay@champion"),
    ("geo/cities@main", "data/geo/cities@main"), ("flights@ref:16", "data/flights@ref:16"), ("data", "data/data"),
])  # fmt: skip
def test_names_without_a_kind(said: str, meant: str) -> None:
    """What has no kind in front is data."""
    assert pointer_of(said) == meant


def test_a_whole_project(client: Local, tmp_path: Path) -> None:
    """What `loopline.data` gives pickles with the store of a project, too."""
    import loopline

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "jan.csv").write_text("a\n1\n")
    tree = TreeFolders(client.blobs).store(tmp_path / "in")
    client.do("add", "data/flights", tree=tree)
    found = pickle.loads(pickle.dumps(loopline.data("flights@main")))
    assert found.open("jan.csv").read() == b"a\n1\n"
    assert {found, loopline.data("flights@main")} == {loopline.data("flights@1")}
