"""Every row of a ledger in one file, and back, from either database into either."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from loopline.ledger import archive, schema
from loopline.ledger.archive import read_archive, write_archive
from loopline.ledger.ledger import Ledger
from loopline.ledger.metrics import WIDE, Metrics
from loopline.nouns.actor import Actor
from loopline.nouns.run import Point
from loopline.store.database import Database
from loopline.testing.clock import FakeClock
from loopline.wiring import open_database
from tests.ledger.conftest import Hand

BOTH = ["sqlite", "postgresql"]


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database to restore into."""
    if getattr(request, "param", "sqlite") == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'restored.db'}")
    else:
        database = _second(request)
    yield database
    database.close()


def _second(request: pytest.FixtureRequest) -> Database:
    import psycopg

    url = str(request.getfixturevalue("postgres_url"))
    name = f"restored_{abs(hash(request.node.name)) % 10**9}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    return open_database(url.rpartition("/")[0] + "/" + name)


def everything(database: Database) -> dict[str, list[Any]]:
    """Give all rows of all tables, in the order of their keys."""
    with database.read() as rows:
        return {
            table: [row for page in archive._pages(rows, table, sorted(columns), key) for row in page]
            for table, (columns, key) in archive._tables(rows).items()
        }


def filled(hand: Hand, *, points: int = 20) -> None:
    """Write a little of each kind: runs, metrics with infinities, bytes, a move, an event."""
    hand.publish(b"one", b"two")
    hand.move(2)
    run = hand.run(params={"depth": "8"}, tags={"ä": "ß ✓\n\t'\"\\N"})
    with hand.write() as tx:
        values = [float("inf"), -1e308, 0.1, *map(float, range(points))]
        tx.metrics.add(run.id, [Point("loss", value, step, step) for step, value in enumerate(values)])
        number = tx.runs.experiment("flights", "default")
        for name in ("tr-1", "tr-2"):
            tx.traces.hold("flights", name, experiment=number, time=1)


@pytest.mark.parametrize("target", BOTH, indirect=True)
def test_what_is_restored_is_what_was_there(hand: Hand, target: Database, tmp_path: Path) -> None:
    """Every row of every table comes back, and the ledger goes on: new rows get numbers that nobody has."""
    filled(hand)
    said = write_archive(hand.database, tmp_path / "a", now=77)
    assert (said.revision, said.recorded_at, said.rows["versions"]) == (schema.NEWEST, 77, 2)
    assert read_archive(tmp_path / "a", target).rows == said.rows
    assert everything(target) == everything(hand.database)
    again = Hand(target)
    again.ids = hand.ids
    again.publish(b"three")
    again.move(3)
    run = again.run()
    with again.write() as tx:
        tx.metrics.add(run.id, [Point("loss", 1.0, 0, 0)])
        assert tx.traces.hold("flights", "tr-3", experiment=1, time=2)[0].number == 3
    assert len(everything(target)["events"]) == len(everything(hand.database)["events"]) + 4


@pytest.mark.parametrize("target", BOTH, indirect=True)
def test_recent_points_come_along(hand: Hand, target: Database, tmp_path: Path) -> None:
    """On PostgreSQL they go to the others, for nobody would move them there."""
    run = hand.run()
    batch = {f"m{n}": [(0, 1, 0.5)] for n in range(WIDE)}
    with hand.write() as tx:
        tx.metrics.extend(run.id, batch)
    write_archive(hand.database, tmp_path / "a", now=77)
    read_archive(tmp_path / "a", target)
    with target.read() as rows:
        found = rows.one("SELECT (SELECT COUNT(*) FROM points), (SELECT COUNT(*) FROM recent_points)")
        assert found == ((0, WIDE) if {hand.database.dialect, target.dialect} == {"sqlite"} else (WIDE, 0))
        assert Metrics(rows, 0).rows(run.id, "m7", limit=9) == [(0, 1, 0, 0.5)]


def test_a_new_file_gets_its_tables_at_once(
    hand: Hand, target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive of this revision is restored into SQLite without running the migrations one by one."""
    filled(hand)
    write_archive(hand.database, tmp_path / "a", now=1)
    monkeypatch.delattr(archive, "upgrade")
    read_archive(tmp_path / "a", target)
    assert everything(target) == everything(hand.database)
    assert schema.found(target) == schema.NEWEST


def test_pages_lose_and_repeat_nothing(
    hand: Hand, target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables larger than a page come back whole, whatever falls on the edge of a page."""
    filled(hand, points=20)
    for size in (1, 7, 23):
        monkeypatch.setattr(archive, "_PAGE", size)
        write_archive(hand.database, tmp_path / f"a{size}", now=1)
    read_archive(tmp_path / "a7", target)
    monkeypatch.undo()
    assert everything(target) == everything(hand.database)


def test_an_archive_shows_one_moment(hand: Hand, target: Database, tmp_path: Path) -> None:
    """While another writes version and event together, no archive holds one without the other."""
    hand.publish(b"0")
    stop = threading.Event()

    def write() -> None:
        for number in range(1, 2000):
            if stop.is_set():
                return
            hand.publish(str(number).encode())

    thread = threading.Thread(target=write)
    if hand.database.dialect == "postgresql":  # a database in memory has one connection
        thread.start()
    try:
        for number in range(3):
            rows = write_archive(hand.database, tmp_path / str(number), now=1).rows
            assert rows["versions"] == rows["events"]
    finally:
        stop.set()
        if thread.ident:
            thread.join()
    restored = read_archive(tmp_path / "2", target)
    assert len(everything(target)["versions"]) == restored.rows["versions"] > 0


def test_a_file_is_never_replaced_or_read_by_others(hand: Hand, tmp_path: Path) -> None:
    """An archive holds hashes of tokens: it is for its owner, whole when it has its name, and never written over."""
    write_archive(hand.database, tmp_path / "a", now=1)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict) as caught:
        write_archive(hand.database, tmp_path / "a", now=1)
    assert caught.value.kind == "file-exists"
    with pytest.raises(Unavailable) as failed:
        write_archive(hand.database, tmp_path / "no" / "folder", now=1)
    assert failed.value.kind == "backup-failed"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_only_an_empty_database_is_filled(hand: Hand, tmp_path: Path) -> None:
    """A ledger is never mixed with another, and what is not there cannot be backed up."""
    write_archive(hand.database, tmp_path / "a", now=1)
    with pytest.raises(Conflict) as caught:
        read_archive(tmp_path / "a", hand.database)
    assert caught.value.kind == "ledger-not-empty"
    empty = open_database("sqlite://")
    with pytest.raises(NotFound):
        write_archive(empty, tmp_path / "b", now=1)
    empty.close()


@pytest.mark.parametrize("hand", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("target", "way"),
    [
        *(("sqlite", way) for way in ("cut", "flip", "swap", "magic", "grow", "empty")),
        *(("postgresql", way) for way in ("cut", "grow")),
    ],
    indirect=["target"],
)
def test_a_damaged_archive_changes_nothing(target: Database, tmp_path: Path, way: str, hand: Hand) -> None:
    """Whatever was cut, changed, added or left out is found, and the database is as empty as before."""
    filled(hand)
    write_archive(hand.database, tmp_path / "a", now=1)
    whole = (tmp_path / "a").read_bytes()
    # how damage is found is the same for both; what a rollback leaves, of a part or of all, is not
    places = 10 if target.dialect == "sqlite" else 2
    broken = {
        "cut": [whole[:at] for at in range(len(archive.MAGIC), len(whole), len(whole) // places)],
        "flip": [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), len(whole) // places)],
        "swap": [_swapped(whole)],
        "magic": [b"SQLite format 3\0" + whole],
        "grow": [whole + b"x", whole + whole[len(archive.MAGIC) :]],
        "empty": [b""],
    }[way]  # fmt: skip
    for data in broken:
        (tmp_path / "b").write_bytes(data)
        with pytest.raises(Invalid) as caught:
            read_archive(tmp_path / "b", target)
        assert caught.value.kind == "bad-archive"
        assert schema.found(target) is None
    read_archive(tmp_path / "a", target)


def _swapped(whole: bytes) -> bytes:
    """Exchange two frames."""
    frames, at = [], len(archive.MAGIC)
    while at < len(whole):
        size = 4 + int.from_bytes(whole[at : at + 4], "big")
        frames.append(whole[at : at + size])
        at += size
    frames[1], frames[2] = frames[2], frames[1]
    return archive.MAGIC + b"".join(frames)


def test_an_archive_of_a_newer_loopline_is_refused(
    hand: Hand, target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this code would misread is not restored."""
    write_archive(hand.database, tmp_path / "a", now=1)
    monkeypatch.setattr(archive, "NEWEST", "0000")
    with pytest.raises(Refused) as caught:
        read_archive(tmp_path / "a", target)
    assert caught.value.kind == "newer-schema"


@pytest.mark.parametrize("target", BOTH, indirect=True)
def test_an_archive_of_an_older_loopline_is_brought_up(target: Database, tmp_path: Path) -> None:
    """Rows of the first schema are put into its tables, which are then migrated to this one."""
    old = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    old.migrate(lambda alchemy: schema.upgrade(alchemy, to="0001"))
    with old.write() as rows:
        rows.do("INSERT INTO projects (name, created_at) VALUES ('old', 5)")
    assert write_archive(old, tmp_path / "a", now=1).revision == "0001"
    old.close()
    read_archive(tmp_path / "a", target)
    assert schema.found(target) == schema.NEWEST
    ledger = Ledger(target, clock=FakeClock())
    with ledger.read() as tx:
        assert tx.projects.list()
    with ledger.write("old", Actor("person", "ann")) as tx:
        tx.say("test", "test")
