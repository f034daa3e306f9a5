from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.ledger.schema import prepare
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.store.local import LocalBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.testing.loop import loop as new_loop
from loopline.verbs.copying import archives, back_up, back_up_file, restore
from loopline.verbs.verify import verify
from loopline.wiring import open_database

from .conftest import CHAMPION, World


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Give a loop with data, models and refs, on each database."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_ledger"))
    prepare(database)
    made = World(
        new_loop(
            database=database, blobs=LocalBlobs(tmp_path / "store"), clock=SystemClock(), ids=SystemIds(), actor="ann"
        )
    )
    made.data(a_csv=b"1,2\n", b_csv=b"x" * 3_000_000)
    made.data(a_csv=b"1,3\n")
    made.train(b"first")
    made.do("propose", CHAMPION, to=_number(1), why="because")
    yield made
    database.close()


def _number(number: int) -> Any:
    from loopline.nouns.name import Numbered

    return Numbered(number)


def restored(source: Path, folder: Path, *, at: str = "") -> Loop:
    """Restore into an empty SQLite home."""
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    folder.mkdir()
    restore(database, LocalBlobs(folder), source, store=LocalBlobs, at=at, report=lambda _: None)
    return new_loop(database=database, blobs=LocalBlobs(folder), ids=SystemIds())


def head(loop: Loop) -> Any:
    """Give the end of the feed's chain."""
    with loop.ledger.read() as tx:
        return tx.feed.head("flights")


def sound(loop: Loop) -> bool:
    """Read every byte of every version."""
    return all(one.state == "ok" for one in verify(loop, deep=True))


def blobs_in(folder: Path) -> set[Digest]:
    """List what a store holds."""
    return set(LocalBlobs(folder).iter())


def test_what_was_copied_comes_back_equal(world: World, tmp_path: Path) -> None:
    """From either database into a new home: the same feed, refs and bytes, all of them verified, and new work goes on there."""
    said = back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
    assert {one.state for one in said} == {"ok"}
    loop = restored(tmp_path / "copy", tmp_path / "home")
    assert head(loop) == head(world.loop)
    assert sound(loop)
    assert blobs_in(tmp_path / "home") == blobs_in(tmp_path / "store")
    with loop.ledger.read() as tx:
        assert tx.refs.get(CHAMPION).target == 1
        assert tx.feed.verify("flights") is None
    World(loop).data(a_csv=b"more")
    assert head(loop).seq > head(world.loop).seq
    loop.ledger.close()


def test_a_file_holds_the_same(world: World, tmp_path: Path) -> None:
    """A tar comes back as a folder does; it is for its owner alone, and never replaces another."""
    back_up_file(world.loop, tmp_path / "copy.tar")
    assert (tmp_path / "copy.tar").stat().st_mode & 0o077 == 0
    loop = restored(tmp_path / "copy.tar", tmp_path / "home")
    assert head(loop) == head(world.loop)
    assert sound(loop)
    loop.ledger.close()
    with pytest.raises(Conflict) as caught:
        back_up_file(world.loop, tmp_path / "copy.tar")
    assert caught.value.kind == "file-exists"
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".copy")) == []


def test_a_later_backup_copies_what_is_new(world: World, tmp_path: Path) -> None:
    """The second copies the new bytes alone; both moments can be restored, and old ones are given up beyond `keep`."""
    back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
    before = {one: one.stat().st_mtime_ns for one in (tmp_path / "copy" / "blobs" / "sha256").iterdir()}
    first = head(world.loop)
    world.data(a_csv=b"new bytes")
    back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
    after = {one: one.stat().st_mtime_ns for one in (tmp_path / "copy" / "blobs" / "sha256").iterdir()}
    assert before.items() < after.items()
    newest, older = archives(tmp_path / "copy")
    assert head(restored(tmp_path / "copy", tmp_path / "new")) == head(world.loop)
    assert head(restored(tmp_path / "copy", tmp_path / "old", at=older.name[:22])) == first
    back_up(world.loop, tmp_path / "copy", store=LocalBlobs, keep=2)
    assert older not in archives(tmp_path / "copy")
    assert len(archives(tmp_path / "copy")) == 2
    assert newest in archives(tmp_path / "copy")


def test_a_copy_is_whole_while_others_write(tmp_path: Path) -> None:
    """Four threads publish data without a pause; each of several copies has every byte that its rows name."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    prepare(database)
    world = World(
        new_loop(database=database, blobs=LocalBlobs(tmp_path / "store"), clock=SystemClock(), ids=SystemIds())
    )
    world.data(a_csv=b"0")
    stop = threading.Event()

    def write(me: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            world.data(branch=f"b{me}", a_csv=b"%d %d" % (me, number), b_csv=b"x" * number)

    threads = [threading.Thread(target=write, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            said = back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
            assert {one.state for one in said} == {"ok"}
            loop = restored(tmp_path / "copy", tmp_path / f"home{number}")
            assert sound(loop)
            assert 0 < head(loop).seq <= head(world.loop).seq
            loop.ledger.close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    database.close()


def test_nothing_is_restored_over_a_ledger(world: World, tmp_path: Path) -> None:
    """Where there are tables already it is refused, and nothing of the bytes is written."""
    back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
    with pytest.raises(Conflict) as caught:
        restore(
            world.loop.ledger.database, LocalBlobs(tmp_path / "other"), tmp_path / "copy", store=LocalBlobs,
            report=lambda _: None,
        )  # fmt: skip
    assert caught.value.kind == "ledger-not-empty"
    assert not (tmp_path / "other").exists()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a backup of a small ledger in a folder."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    prepare(database)
    world = World(
        new_loop(database=database, blobs=LocalBlobs(tmp_path / "store"), clock=SystemClock(), ids=SystemIds())
    )
    world.data(a_csv=b"1,2\n", large=b"y" * 2_500_000)
    back_up(world.loop, tmp_path / "copy", store=LocalBlobs)
    database.close()
    return tmp_path / "copy"


def damage(path: Path, at: int) -> None:
    """Turn one byte over."""
    path.chmod(0o644)
    body = bytearray(path.read_bytes())
    body[at] ^= 0xFF
    path.write_bytes(body)


@pytest.mark.parametrize("size", [4, 2_500_000])
def test_a_damaged_backup_is_no_ledger(copied: Path, tmp_path: Path, size: int) -> None:
    """A byte that has changed, in a small blob or a large one, is found while it is read, and no ledger comes of it."""
    blob = next(one for one in (copied / "blobs" / "sha256").iterdir() if one.stat().st_size == size)
    damage(blob, size // 2)
    with pytest.raises(LooplineError) as caught:
        restored(copied, tmp_path / "home")
    assert caught.value.kind in ("blob-corrupt", "bad-archive")
    database = open_database(f"sqlite:///{tmp_path / 'home' / 'ledger.db'}")
    from loopline.ledger.schema import found

    assert found(database) is None
    database.close()


def test_damaged_rows_are_found_before_anything_is_written(copied: Path, tmp_path: Path) -> None:
    """The archive is read to its end first."""
    (rows,) = archives(copied)
    damage(rows, rows.stat().st_size // 2)
    with pytest.raises(Invalid) as caught:
        restored(copied, tmp_path / "home")
    assert caught.value.kind == "bad-archive"
    assert not (tmp_path / "home" / "blobs").exists()


def test_a_deep_backup_mends_the_copy(copied: Path, tmp_path: Path) -> None:
    """A copy that has gone bad is noticed and written again with `deep`."""
    blob = next(one for one in (copied / "blobs" / "sha256").iterdir() if one.stat().st_size == 4)
    damage(blob, 1)
    loop = new_loop(database=open_database(f"sqlite:///{tmp_path / 'ledger.db'}"), blobs=LocalBlobs(tmp_path / "store"))
    back_up(loop, copied, store=LocalBlobs, deep=True)
    loop.ledger.close()
    again = restored(copied, tmp_path / "home")
    assert sound(again)
    again.ledger.close()


def test_what_the_store_has_lost_is_said(copied: Path, tmp_path: Path) -> None:
    """A blob that is damaged or missing in the store is named as failed, the rest is copied, and the copy counts."""
    store = LocalBlobs(tmp_path / "store")
    loop = new_loop(database=open_database(f"sqlite:///{tmp_path / 'ledger.db'}"), blobs=store)
    large = next(one for one in (tmp_path / "store" / "blobs" / "sha256").iterdir() if one.stat().st_size == 2_500_000)
    damage(large, 7)
    said = back_up(loop, tmp_path / "second", store=LocalBlobs)
    assert [one.state for one in said].count("fail") == 2
    assert any("data/flights@1" in one.touches for one in said)
    assert len(archives(tmp_path / "second")) == 1
    with pytest.raises(LooplineError):
        store.verify(Digest("sha256:" + large.name))
    loop.ledger.close()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "blobs/sha256/../../evil", "blobs/sha256/" + "g" * 64, "x"])
def test_a_tar_cannot_name_paths(copied: Path, tmp_path: Path, name: str) -> None:
    """A member that is no digest is refused, and nothing is written beside the store."""
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        tar.add(archives(copied)[0], "ledger/1.archive")
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(Invalid):
        restored(evil, tmp_path / "home")
    assert not list(tmp_path.rglob("evil"))


def test_a_tar_with_a_wrong_digest_is_refused(copied: Path, tmp_path: Path) -> None:
    """Bytes that are not what their name says do not become a ledger."""
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        tar.add(archives(copied)[0], "ledger/1.archive")
        member = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(Invalid) as caught:
        restored(evil, tmp_path / "home")
    assert caught.value.kind == "bad-archive"


def test_what_is_no_backup_is_refused(copied: Path, tmp_path: Path) -> None:
    """Nowhere, a text, an empty folder, a time that is none; and a folder with other things is no place for a backup."""
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").mkdir()
    for number, (source, at, error) in enumerate((
        (tmp_path / "nowhere", "", NotFound), (tmp_path / "text", "", Invalid), (tmp_path / "empty", "", NotFound),
        (copied, "1999", NotFound),
    )):  # fmt: skip
        with pytest.raises(error):
            restored(source, tmp_path / f"home{number}", at=at)
    loop = new_loop(database=open_database(f"sqlite:///{tmp_path / 'ledger.db'}"), blobs=LocalBlobs(tmp_path / "store"))
    for place in (tmp_path, tmp_path / "text"):
        with pytest.raises(Invalid) as caught:
            back_up(loop, place, store=LocalBlobs)
        assert caught.value.kind == "not-a-backup"
    loop.ledger.close()


def test_a_backup_that_fails_leaves_the_earlier_ones(copied: Path, tmp_path: Path) -> None:
    """When bytes cannot be written, the rows of that try are gone, so that the newest backup is a whole one."""

    class Full(LocalBlobs):
        def put_all(self, items: Any) -> list[Digest]:
            raise Unavailable("full", kind="disk-full")

    loop = new_loop(database=open_database(f"sqlite:///{tmp_path / 'ledger.db'}"), blobs=LocalBlobs(tmp_path / "store"))
    World(loop).data(a_csv=b"more")
    before = archives(copied)
    with pytest.raises(Unavailable):
        back_up(loop, copied, store=Full)
    assert archives(copied) == before
    loop.ledger.close()
