"""What lies in a folder or a bucket as a version, without being copied."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Conflict, LooplineError, NotFound, Refused
from loopline.nouns.caller import Caller
from loopline.nouns.name import AssetName, Pointer, parse_pointer
from loopline.nouns.registration import Registration
from loopline.store.foreign import foreign_of
from loopline.store.objects import ObjectBlobs
from loopline.store.sources import Changed, FolderSource, source_at
from loopline.verbs import registering
from tests.store.test_foreign import in_folder

from .conftest import ANN, DATA, World

RAW = AssetName(DATA.project, "data", "raw")


@pytest.fixture
def here(world: World, tmp_path: Path) -> World:
    """Give a world whose store is a folder."""
    return World(replace(world.loop, blobs=in_folder(tmp_path / "store"), work=tmp_path / "work"))


def at(version: str) -> Pointer:
    """Point at a version."""
    return parse_pointer(version, project=DATA.project)


def files_of(world: World, registration: Registration) -> dict[str, bytes]:
    """Read every file of the version."""
    version = world.do("get", at(registration.version))
    return {
        one.path: world.loop.blobs.read(one.digest) for one in Tree(world.loop.blobs, version.artifact.digest).iter()
    }


def register(world: World, source: object, **asked: Any) -> Registration:
    """Register it."""
    return world.do("register", RAW, str(source), **asked)  # type: ignore[no-any-return]


def test_a_folder_becomes_a_version_and_no_byte_is_copied(here: World, tmp_path: Path) -> None:
    """Its files are read once; of a changed folder only what changed, and the same files publish nothing."""
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "x.csv").write_bytes(b"1")
    (source / "run.sh").write_bytes(b"22")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("a/x.csv")
    (source / ".looplineignore").write_text("*.tmp\n")
    (source / "b.tmp").write_bytes(b"no data")
    rehearsed = World(replace(here.loop, ledger=replace_dry(here)))
    assert register(rehearsed, source) == Registration(str(source), 4, 10, 4, 10, dry=True)
    assert list(here.loop.blobs.iter()) == []
    first = register(here, source)
    assert (first.version, first.files, first.read, first.read_bytes) == ("data/raw@1", 4, 4, 10)
    assert files_of(here, first) == {".looplineignore": b"*.tmp\n", "a/x.csv": b"1", "link": b"1", "run.sh": b"22"}
    tree = Tree(here.loop.blobs, here.do("get", at(first.version)).artifact.digest)
    assert [one.path for one in tree.iter() if one.mode == 0o755] == ["run.sh"]
    again = register(here, source)
    assert (again.version, again.change, again.read) == ("data/raw@1", None, 0)
    (source / "a" / "y.csv").write_bytes(b"333")
    second = register(here, source, message="July", expect=1)
    assert (second.version, second.read, second.read_bytes) == ("data/raw@2", 1, 3)
    assert here.do("get", at("data/raw@2")).message == "July"
    with pytest.raises(Conflict):
        register(here, source, expect=1)


def replace_dry(world: World) -> Any:
    """Give the ledger of a rehearsal."""
    from loopline.ledger.ledger import Ledger

    return Ledger(world.loop.ledger.database, clock=world.loop.clock, dry=True)


def test_a_bucket_is_registered_and_read_where_it_is(here: World, bucket: str) -> None:
    """Markers of folders are left out; what was replaced is read again, what was removed is gone from the next version."""
    store = ObjectBlobs(bucket)._store
    for key, data in {
        "raw/a.csv": b"1",
        "raw/deep": b"",
        "raw/deep-x": b"4",
        "raw/deep/b.csv": b"22",
        "raw/z": b"",
    }.items():
        obstore.put(store, key, data)
    first = register(here, bucket + "/raw/")
    assert (first.source, first.read) == (f"{bucket}/raw", 4)
    assert files_of(here, first) == {"a.csv": b"1", "deep-x": b"4", "deep/b.csv": b"22", "z": b""}
    obstore.put(store, "raw/a.csv", b"new")
    obstore.delete(store, "raw/z")
    with pytest.raises(LooplineError) as caught:
        files_of(here, first)
    assert caught.value.facts["source"] == f"{bucket}/raw/a.csv"
    second = register(here, bucket + "/raw")
    assert (second.files, second.read, second.read_bytes) == (3, 1, 3)
    assert files_of(here, second) == {"a.csv": b"new", "deep-x": b"4", "deep/b.csv": b"22"}


def test_what_was_read_before_a_kill_is_not_read_again(
    here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short in the middle, it goes on where it was; what changes each time it is read is told."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(40):
        (source / f"{number:02}").write_bytes(b"%d" % number)
    monkeypatch.setattr("loopline.verbs.registering._FEW", 1)
    read: list[str] = []
    real = FolderSource.read

    def counted(self: FolderSource, key: str, *asked: Any) -> Any:
        if key == "20" and not os.environ.get("GO_ON"):
            raise KeyboardInterrupt
        read.append(key)
        return real(self, key, *asked)

    monkeypatch.setattr(FolderSource, "read", counted)
    with pytest.raises(KeyboardInterrupt):
        register(here, source)
    known = len(list(foreign_of(here.loop.blobs).live()))  # type: ignore[union-attr]
    assert 0 < known < 40
    monkeypatch.setenv("GO_ON", "1")
    assert register(here, source).read == 40 - known

    def changing(*_: object) -> Any:
        raise Changed("it has changed")

    monkeypatch.setattr(FolderSource, "read", changing)
    (source / "00").write_bytes(b"other")
    with pytest.raises(Conflict) as caught:
        register(here, source)
    assert caught.value.kind == "file-changing"


@pytest.mark.parametrize(
    "source",
    [
        "FOLDER-other",
        "FOLDER/../x",
        "FOLDER/link",
        "s3://flights-2/raw",
        "s3://flights/ra",
        "s3://flights/raw/../x",
        "data",
    ],
)
def test_a_server_registers_only_from_where_its_settings_allow(here: World, tmp_path: Path, source: str) -> None:
    """A place that is not named, also by a link or by two dots, is refused with the setting, before anything is looked at."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    (tmp_path / "data" / "in" / "x").write_bytes(b"1")
    (tmp_path / "data" / "link").symlink_to("/etc")
    (tmp_path / "data-other").mkdir()
    served = replace(here.loop, caller=Caller(ANN), places=("s3://flights/raw", f"{tmp_path}/data"))
    world = World(served)
    assert register(world, tmp_path / "data" / "in").files == 1
    with pytest.raises(LooplineError) as caught:
        register(world, source.replace("FOLDER", f"{tmp_path}/data"))
    assert caught.value.kind == ("bad-source" if source in ("data", "s3://flights/raw/../x") else "source-not-allowed")
    assert caught.value.facts.get("setting", "server.register_from") == "server.register_from"
    with pytest.raises(Refused):
        register(World(replace(served, places=())), tmp_path / "data")


def test_nothing_is_no_version(here: World, tmp_path: Path) -> None:
    """An empty folder, and one that is not there, publish nothing."""
    for source, kind in ((tmp_path / "empty", "source-empty"), (tmp_path / "nowhere", "folder-missing")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(NotFound) as caught:
            register(here, source)
        assert caught.value.kind == kind


@pytest.mark.parametrize("turn", ["..", "%2e%2E", ".%2e", ".", "..%2f", ".\t.", ".\n.", "%2e\r%2e"])
def test_an_address_that_turns_back_is_no_place(here: World, turn: str) -> None:
    """`s3://flights/raw/../secret` is below what is allowed only as it is written: what is opened would be `secret`."""
    served = replace(here.loop, caller=Caller(ANN), places=("s3://flights/raw",))
    with pytest.raises(LooplineError) as caught:
        register(World(served), f"s3://flights/raw/{turn}/secret")
    assert caught.value.kind == "bad-source"


def test_a_folder_that_becomes_a_link_is_not_registered(
    here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who may write there, and puts a link in the folder's place once it was looked at, gets nothing of the server's."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_bytes(b"hush")

    def replaced(name: str) -> Any:
        (tmp_path / "data" / "in").rmdir()
        (tmp_path / "data" / "in").symlink_to(tmp_path / "secret")
        return source_at(name)

    monkeypatch.setattr(registering, "source_at", replaced)
    with pytest.raises(Refused) as caught:
        register(World(replace(here.loop, caller=Caller(ANN), places=(f"{tmp_path}/data",))), tmp_path / "data" / "in")
    assert caught.value.kind == "source-not-allowed"
