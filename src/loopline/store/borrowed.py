"""borrowed: rows of a database that is somebody else's. They are read; nothing is written, no lock is left, no file is made.

A SQLite file with a write-ahead log could not be read without a file beside it: where the log holds something, both are copied to
a private folder first, and where it holds nothing the file is opened as one that does not change.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.store.database import Row

PAGE: Final = 5_000
"""Rows that are in memory at a time."""
_MAGIC: Final = b"SQLite format 3\0"
_TRIES: Final = 5
_SECRET: Final = re.compile(r"(?<=://)[^/@]*@|(?<=password=)[^&\s]*")


class Borrowed(Protocol):
    """Somebody else's database. One thread uses it."""

    name: str
    """As people are told it: without what may be secret."""

    def columns(self, table: str) -> frozenset[str]:
        """Give the columns of a table; none where there is no such table."""

    def rows(self, sql: str, *values: Any) -> Iterator[Row]:
        """Run one statement, `?` for values, and give its rows, a page of them in memory at a time."""

    def close(self) -> None:
        """Let go of it."""


def borrow(url: str) -> Borrowed:
    """Open `sqlite:///PATH` or `postgresql://…`. Raise Invalid, NotFound, Unavailable."""
    kind = url.partition(":")[0].partition("+")[0]
    if kind == "sqlite":
        return BorrowedSqlite(Path(url.partition(":///")[2].partition("?")[0]))
    if kind in ("postgresql", "postgres"):
        return BorrowedPostgres("postgresql" + url[url.index(":") :])
    raise Invalid(
        f"databases of the kind {kind} are not read here", kind="bad-source",
        hint="name the address of a server that runs on it, or sqlite:///PATH or postgresql://…", source=told(url),
    )  # fmt: skip


def told(url: str) -> str:
    """Give an address as people are told it."""
    return _SECRET.sub("", url)


class BorrowedSqlite:
    """A file of SQLite."""

    def __init__(self, path: Path) -> None:
        from pysqlite3 import dbapi2 as driver

        self.name = f"sqlite:///{path}"
        self._driver = driver
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        with self._translated():
            self._connection: Any = driver.connect(self._address(path), uri=True, timeout=30, check_same_thread=False)
            self._connection.execute("PRAGMA query_only = 1")
            self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

    def columns(self, table: str) -> frozenset[str]:
        """Give the columns of a table; none where there is no such table."""
        return frozenset(row[0] for row in self.rows("SELECT name FROM pragma_table_info(?)", table))

    def rows(self, sql: str, *values: Any) -> Iterator[Row]:
        """Run one statement and give its rows."""
        with self._translated():
            cursor = self._connection.execute(sql, values)
            while page := cursor.fetchmany(PAGE):
                yield from page

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _address(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                head = file.read(100)
        except FileNotFoundError:
            raise NotFound(
                f"there is no {path}", kind="source-empty", hint="sqlite:/// and the path of the file", source=self.name
            ) from None
        if not head.startswith(_MAGIC):
            raise Invalid(
                f"{path} is no database of SQLite", kind="bad-source", hint="name another file", source=self.name
            )
        log = path.with_name(path.name + "-wal")
        logged = log.stat().st_size if log.exists() else 0
        if logged:
            return f"file:{quote(str(self._copied(path, log)))}"
        whole = quote(str(path.resolve()))
        return f"file:{whole}?immutable=1" if head[18] == 2 else f"file:{whole}?mode=ro"

    def _copied(self, path: Path, log: Path) -> Path:
        """Copy a file and its log as of one moment. Raise Unavailable where somebody keeps writing."""
        self._copy = tempfile.TemporaryDirectory(prefix="loopline-borrowed-")
        to = Path(self._copy.name) / "copy.db"
        for _ in range(_TRIES):
            before = [_stamp(one) for one in (path, log)]
            shutil.copyfile(path, to)
            with suppress(FileNotFoundError):
                shutil.copyfile(log, to.with_name("copy.db-wal"))
            if before == [_stamp(one) for one in (path, log)]:
                return to
        raise Unavailable(
            f"{path} is written to all the time", kind="source-busy", hint="stop whoever writes to it, then try again",
            source=self.name,
        )  # fmt: skip

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._driver.DatabaseError as error:
            raise Unavailable(
                f"{self.name} cannot be read: {error}", kind="source-unreadable",
                hint="look whether it is whole, and whether somebody writes to it", source=self.name,
            ) from error  # fmt: skip


class BorrowedPostgres:
    """A database of PostgreSQL, as of one moment."""

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise Unavailable(
                "PostgreSQL needs the extra 'postgres'", kind="extra-missing", hint="pip install 'loopline[postgres]'"
            ) from None
        self.name = told(url)
        self._errors = psycopg.Error
        self._number = 0
        with self._translated():
            self._connection = psycopg.connect(url, connect_timeout=10, application_name="loopline")
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True

    def columns(self, table: str) -> frozenset[str]:
        """Give the columns of a table; none where there is no such table."""
        found = self.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = ? AND table_schema = ANY"
            " (current_schemas(false))",
            table,
        )
        return frozenset(row[0] for row in found)

    def rows(self, sql: str, *values: Any) -> Iterator[Row]:
        """Run one statement and give its rows."""
        self._number += 1
        with self._translated(), self._connection.cursor(name=f"loopline_{self._number}") as cursor:
            cursor.itersize = PAGE
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), values)
            yield from cursor

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise Unavailable(
                f"{self.name} cannot be read: {str(error).partition(chr(10))[0]}", kind="source-unreadable",
                hint="check the address, and that this user may read the tables", source=self.name,
            ) from error  # fmt: skip


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
