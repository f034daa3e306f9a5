"""Writers of one process who share transactions."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as driver

from loopline.errors import Unavailable
from loopline.store import turns
from loopline.store.sqlite import SqliteDatabase

TABLES = (
    "CREATE TABLE t (x INTEGER PRIMARY KEY)",
    "CREATE TABLE child (x INTEGER REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TABLE big (x BLOB)",
)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteDatabase]:
    """Give a file with some tables, whose transactions may grow old: here a machine that is busy shall tell nobody apart."""
    monkeypatch.setattr(turns, "LONGEST_S", 20.0)
    database = SqliteDatabase(tmp_path / "rows.db")
    with database.write() as rows:
        for table in TABLES:
            rows.do(table)
    yield database
    database.close()


class Writers:
    """Threads that write at the same time: the first waits inside its transaction until the others wait for their turns."""

    def __init__(self, database: SqliteDatabase, *works: Callable[[Any], object]) -> None:
        self.database = database
        self.raised: list[BaseException | None] = [None] * len(works)
        self.commits = 0
        self.inside, self.go = threading.Event(), threading.Event()
        self.threads = [
            threading.Thread(target=self._write, args=(number, work), daemon=True) for number, work in enumerate(works)
        ]
        self.threads[0].start()
        assert self.inside.wait(10)
        for waiting, thread in enumerate(self.threads[1:], start=1):
            thread.start()
            until(partial(self._queue_is, waiting))

    def _queue_is(self, length: int) -> bool:
        return self.database._turns._waiting == length

    def end(self) -> list[BaseException | None]:
        """Let the first go on and give what each has raised."""
        self.go.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        return self.raised

    def _write(self, number: int, work: Callable[[Any], object]) -> None:
        try:
            with self.database.write() as rows:
                if number == 0:
                    self.database._local.connection.set_trace_callback(self._note)
                    self.inside.set()
                    assert self.go.wait(10)
                work(rows)
        except BaseException as error:  # noqa: BLE001 (what a thread raises is what is tested)
            self.raised[number] = error

    def _note(self, statement: str) -> None:
        self.commits += statement == "COMMIT"


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def insert(number: int) -> Callable[[Any], object]:
    """Make the work of writing one row."""
    return lambda rows: rows.do("INSERT INTO t VALUES (?)", number)


def failing(error: BaseException, number: int = 99) -> Callable[[Any], object]:
    """Make a work that writes a row and raises."""

    def work(rows: Any) -> None:
        rows.do("INSERT INTO t VALUES (?)", number)
        raise error

    return work


def found(database: SqliteDatabase) -> list[int]:
    """Read what is there."""
    with database.read() as rows:
        return [row[0] for row in rows.all("SELECT x FROM t ORDER BY x")]


def test_writers_who_wait_share_a_commit(database: SqliteDatabase) -> None:
    """The disk is waited for once for all that came while one was writing."""
    writers = Writers(database, *map(insert, range(5)))
    assert writers.end() == [None] * 5
    assert writers.commits == 1
    assert found(database) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_writer_who_raises_is_undone_alone(database: SqliteDatabase, place: int, error: BaseException) -> None:
    """First, last or between two, interrupted or wrong: the others are written."""
    works = [insert(0), insert(1), insert(2)]
    works[place] = failing(error)
    assert Writers(database, *works).end() == [error if number == place else None for number in range(3)]
    assert found(database) == [number for number in range(3) if number != place]


def test_who_refuses_what_others_wrote_waits_until_it_is_written(database: SqliteDatabase) -> None:
    """What it says is true for whoever asks next; where the others' work is lost, there was nothing to refuse."""
    told: list[list[int]] = []

    def refuse(rows: Any) -> None:
        assert rows.one("SELECT 1 FROM t WHERE x = 0")
        raise LookupError

    def slow(rows: Any) -> None:
        time.sleep(0.03)  # less than a transaction may be old
        told.append(found_beside(database))
        insert(2)(rows)

    writers = Writers(database, insert(0), refuse, slow)

    def look() -> None:
        writers.threads[1].join(30)
        told.append(found_beside(database))

    watching = threading.Thread(target=look)
    watching.start()
    raised = writers.end()
    watching.join(30)
    assert [type(error) for error in raised] == [type(None), LookupError, type(None)]
    assert told == [[], [0, 2]]
    wrong: Callable[[Any], object] = lambda rows: rows.do("INSERT INTO child VALUES (77)")  # noqa: E731 (one of many works)
    lost = Writers(database, insert(3), failing(LookupError()), wrong).end()
    assert all("FOREIGN KEY" in str(error) for error in lost)


def found_beside(database: SqliteDatabase) -> list[int]:
    """Read what is there over a connection of one's own."""
    with closing(driver.connect(str(database.path))) as beside:
        return [row[0] for row in beside.execute("SELECT x FROM t ORDER BY x")]


def test_a_commit_that_fails_fails_for_all(database: SqliteDatabase) -> None:
    """Nobody is told that something was written which is not there; the next one writes again."""
    wrong: Callable[[Any], object] = lambda rows: rows.do("INSERT INTO child VALUES (77)")  # noqa: E731 (one of many works)
    raised = Writers(database, insert(0), wrong, insert(2)).end()
    assert all("FOREIGN KEY" in str(error) for error in raised)
    assert len({id(error) for error in raised}) == 3
    assert found(database) == []
    with database.write() as rows:
        insert(3)(rows)
    assert found(database) == [3]


def test_a_full_disk_fails_for_all_whose_work_it_undid(database: SqliteDatabase) -> None:
    """Whether SQLite undoes one statement or the whole transaction, what is acknowledged is there, and nothing else."""

    def fill(rows: Any) -> None:
        (pages,) = rows.one("PRAGMA page_count")
        rows.one(f"PRAGMA max_page_count = {pages + 3}")
        rows.do("INSERT INTO big VALUES (?)", b"x" * 1_000_000)

    raised = Writers(database, insert(0), fill, insert(2)).end()
    assert isinstance(raised[1], Unavailable)
    assert raised[1].kind == "disk-full"
    assert found(database) == [number for number in (0, 2) if raised[number] is None]


def test_work_inside_a_write_goes_on_after_one_that_failed_only_where_the_transaction_does(
    database: SqliteDatabase,
) -> None:
    """Once the transaction around is gone, a write inside raises, too: it would be durable without the rest."""
    with pytest.raises(Unavailable), database.write() as rows:
        insert(0)(rows)
        rows.do("ROLLBACK")  # as SQLite itself does where the disk is full
        database._local.inside.undone = Unavailable("full", kind="disk-full", hint="free some")
        with pytest.raises(Unavailable), database.write() as inner:
            insert(1)(inner)
    assert found(database) == []


def test_an_interrupt_while_others_go_on_leaves_the_work_to_them(database: SqliteDatabase) -> None:
    """Who is interrupted while waiting for the commit of another can read and write right afterwards."""
    begun, held, again = threading.Event(), threading.Event(), threading.Event()
    seen: list[object] = []

    def first() -> None:
        try:
            with database.write() as rows:
                insert(0)(rows)
                begun.set()
                until(lambda: database._turns._waiting == 1)
        except KeyboardInterrupt:
            seen.append("interrupted")
        seen.append(found(database))
        again.set()
        with database.write() as rows:
            insert(2)(rows)

    def second() -> None:
        with database.write() as rows:
            insert(1)(rows)
            held.set()
            assert again.wait(10)

    one, two = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    assert begun.wait(10)
    two.start()
    assert held.wait(10)
    assert one.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(one.ident), ctypes.py_object(KeyboardInterrupt))
    for thread in (one, two):
        thread.join(20)
        assert not thread.is_alive()
    assert seen == ["interrupted", []]
    assert found(database) == [0, 1, 2]


def test_a_transaction_that_was_handed_to_nobody_is_committed(database: SqliteDatabase) -> None:
    """If who should have gone on with it is interrupted before that, those who wait for it commit it themselves."""
    database._turns._waiting += 1
    with database.write() as rows:
        insert(0)(rows)
    database._turns._waiting -= 1
    assert found(database) == [0]


def test_many_threads_lose_nothing(database: SqliteDatabase) -> None:
    """Hundreds of writes by threads at once, some of which raise, nest and read: each that was acknowledged is there."""
    acknowledged: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 40):
            try:
                with database.write() as rows:
                    insert(number)(rows)
                    with database.write() as inner:
                        insert(number + 10_000)(inner)
                    with database.read() as seen:
                        assert seen.one("SELECT 1 FROM t WHERE x = ?", number + 10_000)
                    if number % 7 == 0:
                        raise ValueError
            except ValueError:
                continue
            acknowledged.append(number)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 320, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found(database) == sorted([*acknowledged, *(number + 10_000 for number in acknowledged)])
    assert len(acknowledged) == sum(number % 7 != 0 for number in range(320))
