"""Rows in a SQLite file that threads come to and leave."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopline.store.sqlite import SqliteDatabase


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """Give a file with one table."""
    database = SqliteDatabase(tmp_path / "rows.db")
    with database.write() as rows:
        rows.do("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    yield database
    database.close()


def open_files(path: Path) -> int:
    """Count this process's handles on a file."""
    return sum(1 for one in Path("/proc/self/fd").iterdir() if one.exists() and one.resolve() == path)


def test_threads_that_end_keep_no_connection(database: SqliteDatabase, tmp_path: Path) -> None:
    """A server's thousandth thread finds as many open files as its first."""

    def work(number: int) -> None:
        with database.write() as rows:
            rows.do("INSERT INTO t VALUES (?)", number)
        with database.read() as rows:
            assert rows.one("SELECT count(*) FROM t") is not None

    for number in range(30):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        thread.join()
    assert open_files(tmp_path / "rows.db") <= 2  # SQLite keeps one for reuse while others hold locks
    with database.read() as rows:
        assert rows.one("SELECT count(*) FROM t") == (30,)


def test_closing_reaches_the_connections_of_other_threads(database: SqliteDatabase, tmp_path: Path) -> None:
    """When a database is closed, threads that are still there have no file open either."""
    ready, done = threading.Barrier(4), threading.Event()

    def work() -> None:
        with database.read() as rows:
            rows.one("SELECT 1")
        ready.wait()
        done.wait()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    assert open_files(tmp_path / "rows.db") == 4
    database.close()
    assert open_files(tmp_path / "rows.db") == 0
    done.set()
    for thread in threads:
        thread.join()


ENDING = """
import os, sys, threading
from pathlib import Path
from loopline.store.sqlite import SqliteDatabase

def failed(what):
    sys.__excepthook__(*what[:3])
    os._exit(1)

threading.excepthook = failed  # or the others would wait for ever
for turn in range(60):
    database = SqliteDatabase(Path(sys.argv[1]))
    ready, end = threading.Barrier(13), threading.Event()
    def work():
        with database.read() as rows:
            rows.one("SELECT 1")
        ready.wait()
        end.wait()
    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    ready.wait()
    end.set()
    database.close()
    for thread in threads:
        thread.join()
print("whole")
"""


def test_threads_may_end_while_it_is_closed(tmp_path: Path) -> None:
    """Each connection is closed once, by the thread or by who closes all: twice at the same time brings the process down."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, str(tmp_path / "rows.db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_many_may_be_the_first_to_open_a_file(tmp_path: Path) -> None:
    """Of those who come together one makes the log, and the others wait for it."""
    for turn in range(40):
        database, ready = SqliteDatabase(tmp_path / f"{turn}.db"), threading.Barrier(12)

        def read(database: SqliteDatabase = database, ready: threading.Barrier = ready) -> object:
            ready.wait()
            with database.read() as rows:
                return rows.one("SELECT 1")

        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(read) for _ in range(12)]
            assert [one.result() for one in asked] == [(1,)] * 12
        database.close()


def test_a_fork_leaves_its_parents_connection_alone(database: SqliteDatabase) -> None:
    """A child of a fork writes through a connection of its own, and so does the parent after it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with database.write() as rows:
                rows.do("INSERT INTO t VALUES (1)")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.write() as rows:
        rows.do("INSERT INTO t VALUES (2)")
        assert rows.all("SELECT x FROM t ORDER BY x") == [(1,), (2,)]


def test_damage_is_found_and_the_look_is_bounded(tmp_path: Path) -> None:
    """A whole file has none, one whose pages were overwritten has, and without time there is no answer."""
    path = tmp_path / "ledger.db"
    database = SqliteDatabase(path)
    with database.write() as rows:
        rows.do("CREATE TABLE t (x TEXT)")
        rows.many("INSERT INTO t VALUES (?)", [("x" * 900,) for _ in range(3000)])
    assert database.examine(60) == ()
    assert database.examine(-1) is None
    assert database.examine(60) == ()
    database.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 100_000)
    again = SqliteDatabase(path)
    assert again.examine(60)
    again.close()


def test_a_reader_goes_on_behind_what_its_own_thread_writes(tmp_path: Path) -> None:
    """It sees its moment, on a connection that stays open while it looks."""
    database = SqliteDatabase(tmp_path / "rows.db")
    with database.write() as rows:
        rows.do("CREATE TABLE t (x INTEGER)")
    with database.read() as before:
        assert before.all("SELECT x FROM t") == []
        with database.write() as rows:
            rows.do("INSERT INTO t VALUES (1)")
        with database.read() as after:
            assert after.all("SELECT x FROM t") == [(1,)]
        assert before.all("SELECT x FROM t") == []
    database.close()
