"""What a collector moves, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Conflict, NotFound, Refused
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.name import AssetName
from loopline.store.foreign import register
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs
from loopline.testing.loop import empty_database, loop
from loopline.verbs.condemning import Terms, collect, empty, restore
from loopline.verbs.copying import back_up
from loopline.verbs.reclaiming import DAY
from loopline.verbs.tabling import keep
from loopline.wiring import open_database
from tests.store.test_foreign import in_folder, rows_of

from .conftest import DATA, PROJECT, World

NOW = Terms(keep=0, after=0, trash=0, patience=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Give a loop on a folder, in which one version lives."""
    sqlite = request.param == "sqlite"
    database = empty_database() if sqlite else open_database(request.getfixturevalue("postgres_ledger"))
    made = World(loop(database=database, blobs=LocalBlobs(tmp_path), work=tmp_path / "cache"))
    made.data("main", **{f"f{number:02}_csv": b"%d\n" % number for number in range(30)})
    yield made
    database.close()


@pytest.fixture
def stray(world: World) -> Digest:
    """Store bytes that nothing names."""
    return world.loop.blobs.put(b"nobody named this")


def listed(world: World) -> set[Digest]:
    """List the store."""
    return set(world.loop.blobs.iter())


def test_it_takes_two_runs(world: World, stray: Digest) -> None:
    """The first notes and moves nothing; the second moves what the first has noted, and nothing that came between."""
    first = collect(world.loop, NOW)
    assert (first.state, first.objects, first.moved, stray in listed(world)) == ("noted", 1, 0, True)
    later = world.loop.blobs.put(b"came later")
    second = collect(world.loop, NOW)
    assert (second.state, second.objects, second.moved, second.number) == ("trashed", 2, 1, 2)
    assert second.moved_bytes == len(b"nobody named this")
    assert stray not in listed(world)
    assert later in listed(world)


def test_the_earlier_run_must_be_old_enough(world: World, stray: Digest) -> None:
    """A day by default; a list that is damaged counts for nothing."""
    terms = replace(NOW, after=DAY)
    for _ in range(2):
        assert collect(world.loop, terms).state == "noted"
    world.loop.clock.advance(seconds=86401)  # type: ignore[attr-defined]
    for number in (1, 2):
        (world.loop.work / "gc" / f"{number}.ids").write_bytes(b"no list")
    assert collect(world.loop, terms).state == "noted"
    world.loop.clock.advance(seconds=86401)  # type: ignore[attr-defined]
    assert collect(world.loop, terms).moved == 1
    assert stray not in listed(world)


def test_what_was_moved_is_taken_back_or_goes(world: World, stray: Digest) -> None:
    """`restore` takes all of a reclaim back, and gives it two runs' time; `empty` waits for its days."""
    collect(world.loop, NOW)
    collect(world.loop, NOW)
    assert restore(world.loop, None).moved == 1
    assert stray in listed(world)
    with pytest.raises(NotFound) as caught:
        restore(world.loop, 2)
    assert caught.value.kind == "no-reclaim"
    assert collect(world.loop, NOW).state == "noted"
    assert collect(world.loop, NOW).state == "trashed"
    assert empty(world.loop, replace(NOW, trash=7 * DAY)).moved == 0
    world.loop.clock.advance(seconds=7 * 86400 + 1)  # type: ignore[attr-defined]
    cells = [world.loop.work / name / "x.json" for name in ("differences", "profiles")]
    for kept in cells:
        keep(kept, b"{}")
    emptied = empty(world.loop, replace(NOW, trash=7 * DAY))
    assert (emptied.moved, emptied.moved_bytes) == (1, len(b"nobody named this"))
    assert world.loop.blobs.size(stray) is None
    assert not any(kept.exists() for kept in cells), "cells of tables that are gone are in no cache either"
    assert empty(world.loop, NOW).note == "the trash is empty"


def test_what_lies_elsewhere_is_forgotten_and_left(world: World, tmp_path: Path) -> None:
    """A registered file that no version names is forgotten after the trash's time, gives back no room, and is not touched."""
    here = World(replace(world.loop, blobs=in_folder(tmp_path)))
    for folder in ("used", "unused"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_bytes(folder.encode())
    here.do("register", AssetName(PROJECT, "data", "used"), str(tmp_path / "used"))
    used, unused = digest_of(b"used"), digest_of(b"unused")
    register(here.loop.blobs, rows_of(tmp_path / "unused"))
    assert (collect(here.loop, NOW).objects, collect(here.loop, NOW).moved) == (1, 1)
    assert unused not in listed(here)
    assert restore(here.loop, None).moved == 1
    assert unused in listed(here)
    collect(here.loop, NOW)
    collect(here.loop, NOW)
    emptied = empty(here.loop, NOW)
    assert (emptied.moved, emptied.moved_bytes) == (1, 0)
    assert here.loop.blobs.missing([used, unused]) == {unused}
    assert (tmp_path / "unused" / "x").read_bytes() == b"unused"


def test_what_is_named_again_is_taken_back_before_the_trash_is_emptied(world: World, stray: Digest) -> None:
    """A version that names bytes which lie in the trash keeps them, whoever published it, however."""
    collect(world.loop, NOW)
    collect(world.loop, NOW)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.rows.do("UPDATE versions SET metadata = ?", f'{{"notes": "{stray}"}}')
        tx.say("test", "test")
    assert empty(world.loop, NOW).revived == 1
    assert stray in listed(world)


def test_a_writer_that_lives_is_waited_for(world: World, stray: Digest) -> None:
    """What it may have relied on is neither moved nor emptied; one that is silent is given up when the trash is emptied."""
    ledger = world.loop.ledger

    def beat(_: object) -> None:
        with ledger.telemetry() as tables:
            tables.writers.beat("w")

    hearing = replace(world.loop, report=beat)
    with ledger.telemetry() as tables:
        tables.writers.begin("w", "there 7")
    collect(world.loop, NOW)
    waited = collect(hearing, NOW)
    assert (waited.state, "there 7" in waited.note) == ("noted", True)
    assert collect(world.loop, NOW).moved == 1, "it is silent"
    assert "there 7" in empty(hearing, NOW).note
    assert world.loop.blobs.trash.numbers() == [3]  # type: ignore[attr-defined]
    assert empty(world.loop, NOW).moved == 1
    with ledger.telemetry() as tables:
        assert not tables.writers.beat("w")
    assert world.loop.blobs.size(stray) is None


def test_what_goes_is_held_by_nobody_any_more(world: World, stray: Digest) -> None:
    """A client that has uploaded it is asked for it again."""
    with world.loop.ledger.telemetry() as tables:
        tables.holdings.add(PROJECT, [stray])
        tables.holdings.walk(PROJECT, [stray])
    collect(world.loop, NOW)
    collect(world.loop, NOW)
    with world.loop.ledger.read() as tx:
        assert tx.holdings.among(PROJECT, [stray]) == set()
        assert tx.holdings.walked(PROJECT, [stray]) == set()


def test_one_collector_at_a_time_and_only_where_there_is_a_trash(world: World) -> None:
    """A second one is refused by the lease as well, on another machine; a store without a trash is only looked at."""
    with world.loop.ledger.telemetry() as tables:
        tables.leases.take("gc", "elsewhere 1", lasting=60_000_000)
    with pytest.raises(Conflict) as held:
        collect(world.loop, NOW)
    assert held.value.kind == "lease-held"
    with pytest.raises(Refused) as none:
        collect(replace(world.loop, blobs=MemoryBlobs()), NOW)
    assert none.value.kind == "no-trash"


def test_a_backup_is_whole_while_a_collector_moves(world: World, stray: Digest, tmp_path: Path) -> None:
    """What the collector takes away in the middle of it, and what lies in the trash and is named, is in the copy."""
    trash = world.loop.blobs.trash  # type: ignore[attr-defined]
    named = [digest for digest in listed(world) if digest != stray]
    trash.take(7, named[:5])
    left = iter([named[5:9], [stray, *named[9:12]]])

    class Moving:
        def __init__(self, blobs: LocalBlobs) -> None:
            self.blobs = blobs

        def __getattr__(self, name: str) -> object:
            return getattr(self.blobs, name)

        def get(self, digest: Digest) -> Iterator[bytes]:
            trash.take(8, next(left, []))
            return self.blobs.get(digest)

    moving: Any = Moving(LocalBlobs(tmp_path))
    said = back_up(replace(world.loop, blobs=moving), tmp_path / "copy", store=LocalBlobs)
    assert {one.state for one in said} == {"ok"}
    copy = LocalBlobs(tmp_path / "copy")
    for digest in named:
        copy.verify(digest)


def test_a_version_that_is_restored_takes_all_of_its_bytes_back(world: World) -> None:
    """Whoever takes the mark of a deletion away has what lies in the trash, every file, though nobody has read one yet."""
    world.data("main", **{f"f{number:02}_csv": b"other %d\n" % number for number in range(30)})
    world.do("branch", DATA, "main", delete=True)
    before = listed(world)
    world.do("delete", "data/flights@2")
    world.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    collect(world.loop, NOW)
    assert collect(world.loop, NOW).moved > 30
    world.do("delete", "data/flights@2", restore=True)
    assert listed(world) == before
