"""Somebody else's database is read, and stays as it is to the last byte."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.store.borrowed import PAGE, borrow, told


def made(folder: Path, *, mode: str = "delete", rows: int = 3) -> tuple[Path, sqlite3.Connection]:
    """Make a database that somebody has open."""
    file = folder / "their own.db"
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE runs (id INTEGER, name TEXT)")
    connection.executemany("INSERT INTO runs VALUES (?, ?)", [(number, str(number)) for number in range(rows)])
    connection.commit()
    return file, connection


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Give bytes and time of all files."""
    return {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in folder.iterdir()}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_is_read_and_nothing_is_written(mode: str, tmp_path: Path) -> None:
    """What somebody has committed is there, with a log or without, and no file comes or changes."""
    file, connection = made(tmp_path, mode=mode)
    before = seen(tmp_path)
    here = borrow(f"sqlite:///{file}")
    assert list(here.rows("SELECT name FROM runs WHERE id > ? ORDER BY id", 0)) == [("1",), ("2",)]
    assert (here.columns("runs"), here.columns("other")) == (frozenset({"id", "name"}), frozenset())
    assert here.name == f"sqlite:///{file}"
    here.close()
    assert seen(tmp_path) == before
    connection.close()


def test_a_closed_log_is_read_in_place(tmp_path: Path) -> None:
    """A file in WAL mode whose log is gone gets none by being read."""
    file, connection = made(tmp_path, mode="wal")
    connection.close()
    before = seen(tmp_path)
    here = borrow(f"sqlite:///{file}")
    assert len(list(here.rows("SELECT * FROM runs"))) == 3
    here.close()
    assert seen(tmp_path) == before == {file.name: before[file.name]}


def test_who_writes_is_not_kept_waiting(tmp_path: Path) -> None:
    """Between two questions no lock is held."""
    file, connection = made(tmp_path, rows=2 * PAGE)
    here = borrow(f"sqlite:///{file}")
    assert len(list(here.rows("SELECT * FROM runs"))) == 2 * PAGE
    connection.execute("INSERT INTO runs VALUES (1, 'more')")
    connection.commit()
    assert len(list(here.rows("SELECT * FROM runs"))) == 2 * PAGE + 1
    here.close()


def test_a_statement_that_writes_is_refused(tmp_path: Path) -> None:
    """Whatever is asked by mistake."""
    file, _ = made(tmp_path)
    here = borrow(f"sqlite:///{file}")
    with pytest.raises(Unavailable):
        list(here.rows("DELETE FROM runs"))


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, NotFound), (b"", Invalid), (b"text", Invalid), (b"SQLite format 3\0" + b"x" * 200, Unavailable)],
)
def test_what_is_no_database_is_refused(content: bytes | None, error: type[LooplineError], tmp_path: Path) -> None:
    """By what it is, and with a hint."""
    if content is not None:
        (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(error) as refused:
        borrow(f"sqlite:///{tmp_path / 'x.db'}")
    assert refused.value.hint


def test_an_address_is_told_without_its_secret() -> None:
    """Wherever a password may stand."""
    assert told("postgresql+psycopg2://ann:secret@h:1/db?sslmode=x") == "postgresql+psycopg2://h:1/db?sslmode=x"
    assert "secret" not in told("postgresql://h/db?user=ann&password=secret&x=1")
    with pytest.raises(Invalid) as refused:
        borrow("mysql://ann:secret@h/db")
    assert "secret" not in str(refused.value.facts)


def test_postgres_is_read_as_of_one_moment(postgres_database: str) -> None:
    """What others write meanwhile is not seen, and nothing can be written."""
    with psycopg.connect(postgres_database, autocommit=True) as theirs:
        theirs.execute("CREATE TABLE runs (id INTEGER, name TEXT)")
        theirs.execute("INSERT INTO runs VALUES (1, 'a%b')")
        here = borrow(postgres_database.replace("postgresql://", "postgresql+psycopg2://"))
        assert here.columns("runs") == {"id", "name"}
        assert list(here.rows("SELECT name FROM runs WHERE id = ? AND name LIKE 'a%'", 1)) == [("a%b",)]
        theirs.execute("INSERT INTO runs VALUES (2, 'b')")
        assert len(list(here.rows("SELECT * FROM runs"))) == 1
        with pytest.raises(Unavailable):
            list(here.rows("DELETE FROM runs"))
        here.close()


def test_a_server_that_is_not_there_is_told() -> None:
    """As not reachable, without the password."""
    with pytest.raises(Unavailable) as refused:
        borrow("postgresql://ann:secret@127.0.0.1:1/db")
    assert refused.value.kind == "source-unreadable"
    assert "secret" not in refused.value.message
