"""`loopline://` is a filesystem as fsspec's users expect one."""

from __future__ import annotations

import errno
import io
import pickle
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.tests import abstract

import loopline
from loopline.datasets.tree import build
from loopline.nouns.entry import Entry
from loopline.nouns.run import Run
from loopline.sdk import filesystem
from loopline.sdk.client import Local
from loopline.sdk.filesystem import LooplineFileSystem
from tests.sdk.conftest import local

FILES = {"2013/01.csv": b"a,b\n1,2\n", "2013/02.csv": b"a,b\n3,4\n", "2014/q1/01.csv": b"a,b\n5,6\n", "notes.txt": b"n"}


def add(files: dict[str, bytes], asset: str = "data/flights", **more: Any) -> Any:
    here = local()
    tree = build(here.blobs, sorted(Entry(path, here.blobs.put(data), len(data)) for path, data in files.items()))
    return here.do("add", asset, tree=tree, **more)


@pytest.fixture
def fs(client: Local) -> Iterator[LooplineFileSystem]:
    """A filesystem of a project with `data/flights@1` on main."""
    add(FILES)
    yield fsspec.filesystem("loopline", skip_instance_cache=True)
    filesystem._wrote.clear()


@pytest.fixture
def room(fs: LooplineFileSystem) -> LooplineFileSystem:
    """The same, for suites whose own fixture has its name."""
    return fs


class Fixtures(abstract.AbstractFixtures):  # type: ignore[misc]
    """What fsspec's own suites need."""

    @pytest.fixture
    def fs(self, room: LooplineFileSystem) -> LooplineFileSystem:
        return room

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def fs_path(self) -> str:
        return "flights@main/room"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


@pytest.mark.long
class TestCopy(abstract.AbstractCopyTests, Fixtures):  # type: ignore[misc]
    """fsspec's suite."""


@pytest.mark.long
class TestGet(abstract.AbstractGetTests, Fixtures):  # type: ignore[misc]
    """fsspec's suite."""


@pytest.mark.long
class TestPut(abstract.AbstractPutTests, Fixtures):  # type: ignore[misc]
    """fsspec's suite."""


class TestPipe(abstract.AbstractPipeTests, Fixtures):  # type: ignore[misc]
    """fsspec's suite."""


class TestOpen(abstract.AbstractOpenTests, Fixtures):  # type: ignore[misc]
    """fsspec's suite."""


def test_reading(fs: LooplineFileSystem) -> None:
    """Listings, globs, ranges and parts of files are those of the version."""
    assert fs.ls("flights@main", detail=False) == ["flights@main/2013", "flights@main/2014", "flights@main/notes.txt"]
    assert fs.ls("loopline://flights@1/2013", detail=False) == ["flights@1/2013/01.csv", "flights@1/2013/02.csv"]
    assert [fs.info(one)["type"] for one in ("flights@1", "flights@1/2014/q1", "flights@1/notes.txt")] == [
        "directory", "directory", "file",
    ]  # fmt: skip
    assert fs.find("flights@main/2014") == ["flights@main/2014/q1/01.csv"]
    assert fs.glob("flights@main/*/*.csv") == ["flights@main/2013/01.csv", "flights@main/2013/02.csv"]
    assert fs.glob("flights@main/**/01.csv") == ["flights@main/2013/01.csv", "flights@main/2014/q1/01.csv"]
    assert [base for base, _, _ in fs.walk("flights@1")] == [
        "flights@1",
        "flights@1/2013",
        "flights@1/2014",
        "flights@1/2014/q1",
    ]
    assert fs.cat("flights@main/2013/*") == {f"flights@main/{name}": FILES[name] for name in list(FILES)[:2]}
    assert fs.cat_file("flights@main/2013/01.csv", -4, -1) == b"1,2"
    assert fs.cat_ranges(["data/flights@1/notes.txt"] * 2, 0, [1, 0]) == [b"n", b""]
    assert fs.du("flights@main") == 25
    assert fs.head("flights@main/2013/01.csv", 3) == b"a,b"
    assert fs.ukey("flights@1/notes.txt") == fs.checksum("flights@main/notes.txt")
    assert fs.modified("flights@1/notes.txt").tzinfo is not None
    assert fs.read_text("flights@main/2013/01.csv") == "a,b\n1,2\n"


def test_the_root_lists_branches_and_tags(fs: LooplineFileSystem) -> None:
    """What can be opened can be found: every ref of every data asset, written so that it can be asked for."""
    local().do("branch", "data/flights", "try/out")
    assert fs.ls("", detail=False) == ["flights@main", "flights@try%2Fout"]
    assert fs.cat("flights@try%2Fout/notes.txt") == b"n"
    assert fs.isdir("")


@pytest.mark.parametrize(("path", "error"), [
    ("flights@main/nope", FileNotFoundError), ("flights@9/notes.txt", FileNotFoundError), ("nope@main/a", FileNotFoundError),
    ("flights/notes.txt", FileNotFoundError), ("flights@main/2013", IsADirectoryError), ("flights@sha256:1/a", OSError),
])  # fmt: skip
def test_what_is_not_there(fs: LooplineFileSystem, path: str, error: type[OSError]) -> None:
    """The errors are those of files, and name the path."""
    with pytest.raises(error) as caught:
        fs.open(path)
    assert caught.value.filename is not None
    assert not fs.isfile(path)
    if error is FileNotFoundError:
        assert not fs.exists(path)
        with pytest.raises(error):
            fs.ls(path)


def test_damage_is_an_error_of_the_disk(fs: LooplineFileSystem, client: Local) -> None:
    """Of damaged bytes nothing is seen, through whatever call, and nothing is left of a copy."""
    path = client.blobs.path(local().blobs.put(FILES["notes.txt"]))
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"x")
    into = Path("copy.txt")
    reads: list[Callable[[], object]] = [
        lambda: fs.cat("flights@main/notes.txt"),
        lambda: fs.get("flights@main/notes.txt", str(into)),
    ]
    for read in reads:
        with pytest.raises(OSError, match="damaged") as caught:
            read()
        assert caught.value.errno == errno.EIO
    assert list(Path().glob("*copy*")) == []
    assert list(Path().glob(".fresh-*")) == []


def test_writing_is_staged_until_it_is_committed(fs: LooplineFileSystem, client: Local) -> None:
    """Who wrote reads what they wrote, the branch stays as it is for everybody else, and a commit makes the next version."""
    with fs.open("flights@main/2013/03.csv", "wb") as file:
        file.write(b"a,b\n")
        file.write(b"7,8\n")
        assert file.tell() == 8
    with fs.open("flights@main/über.txt", "w", newline="\n") as text:
        text.write("é\n")
    with fs.open("flights@main/notes.txt", "ab") as file:
        file.write(b"!")
    fs.rm("flights@main/2014", recursive=True)
    assert fs.find("flights@main") == [
        f"flights@main/{one}" for one in ("2013/01.csv", "2013/02.csv", "2013/03.csv", "notes.txt", "über.txt")
    ]
    assert fs.cat("flights@main/notes.txt") == b"n!"
    assert fsspec.filesystem("loopline", staged=False).cat("flights@main/notes.txt") == b"n"
    assert fs.cat("flights@1/notes.txt") == b"n"
    assert [one.path for one in fs.staged("flights@main", prefix="2013")] == ["2013/03.csv"]
    published = fs.commit("loopline://flights@main", "March")
    assert (published.version.number, published.version.message) == (2, "March")
    assert loopline.data("flights@main").open("2013/03.csv").read() == b"a,b\n7,8\n"
    assert fs.staged("flights@main") == ()


def test_a_branch_that_others_write_to(fs: LooplineFileSystem) -> None:
    """What others have staged is seen by who asks for it, and can be forgotten."""
    fsspec.filesystem("loopline").pipe("flights@main/x", b"1")
    filesystem._wrote.clear()  # as in another process
    assert not fs.exists("flights@main/x")
    assert fsspec.filesystem("loopline", staged=True).cat("flights@main/x") == b"1"
    assert [one.path for one in fs.discard("flights@main")] == ["x"]
    assert not fsspec.filesystem("loopline", staged=True).exists("flights@main/x")


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_a_block_that_raises_writes_nothing(fs: LooplineFileSystem, mode: str) -> None:
    """A file that was not finished is not there, in bytes or text."""
    with pytest.raises(KeyError), fs.open("flights@main/half", mode) as file:
        file.write("half" if mode == "w" else b"half" * 1_000_000)
        raise KeyError
    assert not fsspec.filesystem("loopline", staged=True).exists("flights@main/half")


def test_a_transaction_is_staged_in_one_go(fs: LooplineFileSystem) -> None:
    """Files of a transaction appear together when it ends well, else none."""
    with fs.transaction:
        fs.pipe_file("flights@main/a", b"1")
        with fs.open("flights@main/b", "wb") as file:
            file.write(b"2")
        assert not fsspec.filesystem("loopline", staged=True).exists("flights@main/b")
    assert fs.cat(["flights@main/a", "flights@main/b"]) == {"flights@main/a": b"1", "flights@main/b": b"2"}
    with pytest.raises(KeyError), fs.transaction:
        fs.pipe_file("flights@main/c", b"1")
        raise KeyError
    with pytest.raises(OSError, match="file"), fs.transaction:
        fs.pipe_file("flights@main/d", b"1")
        fs.pipe_file("flights@main/d/e", b"1")
    assert not fs.exists("flights@main/c")
    assert not fs.exists("flights@main/d")
    fs.pipe_file("flights@main/f", b"1")
    assert fs.exists("flights@main/f")


def test_moving_and_removing(fs: LooplineFileSystem, client: Local) -> None:
    """No bytes travel, folders go whole, modes stay, and what makes no sense is refused."""
    run = Entry("run.sh", client.blobs.put(b"#!"), 2, 0o755)
    client.do("stage", "data/flights@main", tree=build(client.blobs, [run]))
    fs = fsspec.filesystem("loopline", staged=True)
    fs.mv("flights@main/run.sh", "flights@main/bin/run.sh")
    fs.mv("flights@main/2013", "flights@main/old", recursive=True)
    fs.rm("flights@main/notes.txt")
    fs.rm("flights@main/2014/q1/*.csv")
    assert fs.find("flights@main") == [f"flights@main/{one}" for one in ("bin/run.sh", "old/01.csv", "old/02.csv")]
    found = fs.commit("flights@main").version.artifact.digest
    assert {one.path: one.mode for one in loopline.data("flights").files("bin")} == {"bin/run.sh": 0o755}
    assert found == loopline.data("flights").version.artifact.digest
    with pytest.raises(IsADirectoryError):
        fs.rm("flights@main/old")
    with pytest.raises(OSError, match="itself"):
        fs.mv("flights@main/old", "flights@main/old/er", recursive=True)
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("flights@main/old")
    with pytest.raises(FileNotFoundError):
        fs.rm("flights@main/nope")
    with pytest.raises(FileNotFoundError):
        fs.cp_file("flights@main/nope", "flights@main/other")


@pytest.mark.parametrize(("path", "error"), [
    ("flights@1/a", OSError), ("flights@latest/a", OSError), ("flights@nope/a", FileNotFoundError),
    ("nope@main/a", FileNotFoundError), ("flights@main/../a", OSError), ("flights@main/notes.txt/a", NotADirectoryError),
    ("flights@main", OSError),
])  # fmt: skip
def test_what_cannot_be_written(fs: LooplineFileSystem, path: str, error: type[OSError]) -> None:
    """A version stays as it is, a branch has to be there, and a path is one that a tree can hold."""
    with pytest.raises(error), fs.open(path, "wb") as file:
        file.write(b"1")
    with pytest.raises(error):
        fs.pipe_file(path, b"1")
    with pytest.raises(ValueError, match="opened"):
        fs.open("flights@main/notes.txt", "r+b")


def test_pandas_polars_and_duckdb_read_addresses(fs: LooplineFileSystem) -> None:
    """An address works wherever these libraries take one or a file object, and pandas writes to one."""
    import duckdb
    import pandas as pd
    import polars as pl

    frame = pd.read_csv("loopline://flights@main/2013/01.csv")
    assert frame.to_dict("records") == [{"a": 1, "b": 2}]
    frame.to_parquet("loopline://flights@main/t/1.parquet")
    frame.to_csv("loopline://flights@main/t/1.csv.gz", index=False)
    assert pd.read_csv("loopline://flights@main/t/1.csv.gz").equals(frame)
    assert pd.read_parquet("loopline://flights@main/t/1.parquet").equals(frame)
    with fs.open("flights@main/t/1.parquet") as file:
        assert pl.scan_parquet(file).collect().to_dicts() == [{"a": 1, "b": 2}]
    with fs.open("flights@main/2013/01.csv") as file:
        assert pl.read_csv(file).to_dicts() == [{"a": 1, "b": 2}]
    with duckdb.connect() as db:
        db.register_filesystem(fs)
        rows = db.sql("SELECT * FROM read_csv('loopline://flights@main/2013/*.csv') ORDER BY a").fetchall()
        assert rows == [(1, 2), (3, 4)]
        assert db.sql("SELECT * FROM 'loopline://flights@main/t/1.parquet'").fetchall() == [(1, 2)]


def test_arrow_reads_a_dataset_of_a_version(fs: LooplineFileSystem) -> None:
    """The files of a version are a filesystem of their own, which stays at that version."""
    from pyarrow import dataset

    files = loopline.data("flights@main")
    add({**FILES, "2013/03.csv": b"a,b\n9,9\n"})
    assert files.fs.glob("2013/*.csv") == ["2013/01.csv", "2013/02.csv"]
    found = dataset.dataset("2013", format="csv", filesystem=files.fs).to_table()
    assert found.to_pylist() == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_a_run_knows_what_it_read(
    fs: LooplineFileSystem, runs: Callable[[], list[Run]], said: Callable[[], list[str]]
) -> None:
    """A version that is read by its address is an input, once; of what is staged it is the version below, and that is said."""
    with loopline.start("train"):
        for _ in range(2):
            fs.cat("flights@main/2013/*")
            fsspec.open("loopline://flights@1/notes.txt").open().read()
        assert fs.exists("flights@main/2014")
    fs.pipe("flights@main/x", b"1")
    with loopline.start("again"):
        fs.cat("flights@main/x")
        fs.cat("flights@main/x")
    assert [[(one.name, one.number) for one in run.inputs] for run in runs()] == [[("flights", 1)]] * 2
    assert len([one for one in said() if "staged" in one]) == 1


def test_it_pickles_and_names_a_folder(
    fs: LooplineFileSystem, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that names its project's folder reads from anywhere, also when it was sent to another process."""
    named = pickle.loads(pickle.dumps(fsspec.filesystem("loopline", folder=str(project))))
    monkeypatch.chdir(tmp_path)
    assert named.cat("flights@main/notes.txt") == b"n"
    assert str(project) in named.fsid


def test_a_branch_is_read_as_it_stands(fs: LooplineFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question looks anew where the branch is; versions that were asked about keep their nodes, the newest few of them."""
    monkeypatch.setattr(filesystem, "_KEPT", 2)
    for number in range(2, 6):
        add({"n.txt": str(number).encode()})
        assert fs.cat("flights@main/n.txt") == str(number).encode()
    assert fs.cat("flights@2/n.txt") == b"2"
    assert len(fs._known) == 2


def test_threads_write_and_read(fs: LooplineFileSystem) -> None:
    """Many threads write to one branch at once, each its own files, and nothing is lost or mixed."""

    def work(turn: int) -> None:
        for number in range(4):
            fs.pipe_file(f"flights@main/w/{turn}-{number}", str(turn).encode())
            assert fs.cat_file(f"flights@main/w/{turn}-{number}") == str(turn).encode()

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fs.find("flights@main/w")) == 16


def test_other_programs_find_it(client: Local, program: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A program that only imports fsspec opens an address: the protocol is registered where Loopline is installed."""
    add(FILES)
    done = program("import fsspec\nprint(fsspec.open('loopline://flights@main/notes.txt').open().read())")
    assert done.stdout == "b'n'\n", done.stderr


def test_a_version_that_is_one_file(fs: LooplineFileSystem, client: Local) -> None:
    """Its address is a file."""
    from loopline.nouns.artifact import Artifact

    digest = client.blobs.put(b"one")
    client.do("put", "report/notes", digest=digest, media_type="text/plain", size=3)
    assert Artifact(digest, "text/plain", 3).size == fs.info("report/notes@1")["size"]
    assert fs.cat_file("report/notes@1") == b"one"
    with pytest.raises(FileNotFoundError):
        fs.open("report/notes@1/x")
    out = io.BytesIO()
    fs.get_file("report/notes@1", out)
    assert out.getvalue() == b"one"
