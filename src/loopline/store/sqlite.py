"""sqlite: rows in one file that several processes share (WAL, synchronous=FULL)."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2 as driver

from loopline.errors import Conflict, LooplineError, Unavailable
from loopline.store.database import Row, translated
from loopline.store.turns import Shared, Turns

NEEDED: Final = (3, 51, 3)
"""The first SQLite without the WAL-reset corruption bug."""
PATIENCE_S: Final = 60.0
"""How long a writer waits for the others before it gives up."""

_PRAGMAS: Final = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-16000",
    "wal_autocheckpoint=4000",  # 16 MiB: pages that many commits touch, as the ends of many series, go to the file once
)


class SqliteRows:
    """One transaction on one connection."""

    dialect = "sqlite"

    def __init__(self, connection: Any) -> None:
        self._run = connection.execute
        self._run_many = connection.executemany

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement and give every row."""
        rows: list[Row] = self._run(sql, values).fetchall()
        return rows

    def one(self, sql: str, *values: Any) -> Row | None:
        """Run one statement and give its first row, or None."""
        row: Row | None = self._run(sql, values).fetchone()
        return row

    def do(self, sql: str, *values: Any) -> int:
        """Run one statement that changes rows and give how many it changed."""
        changed: int = self._run(sql, values).rowcount
        return changed

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`."""
        self._run_many(sql, rows)


class SqliteDatabase:
    """A file, or a private database in memory (`path` None)."""

    dialect = "sqlite"

    def __init__(self, path: Path | None) -> None:
        if driver.sqlite_version_info < NEEDED:
            raise Unavailable(
                f"SQLite {driver.sqlite_version} can corrupt a shared ledger",
                kind="sqlite-too-old",
                hint="pip install -U pysqlite3",
                found=driver.sqlite_version,
                needed=".".join(map(str, NEEDED)),
            )
        self.path = path
        self._local = threading.local()
        self._connections: dict[int, Any] = {}
        self._guard = threading.Lock()
        self._memory: Any = None
        self._turns = Turns()
        self._presence: int | None = None
        self._process = os.getpid()
        if path is None:
            self._memory = self._connect(":memory:")

    @contextmanager
    def write(self) -> Iterator[SqliteRows]:
        """Begin a transaction that may change rows: BEGIN IMMEDIATE, one writer at a time; inside another, a savepoint.

        Writers of this process who wait for each other share one (`turns.py`). Each returns when it is durable.
        """
        with translated(self._ours, driver.Error):
            self._after_fork()
            inside: Shared | None = getattr(self._local, "inside", None)
            if inside is not None:
                with _savepoint(inside):
                    yield SqliteRows(inside.connection)
                return
            shared = self._turns.take(self._begin)
            self._local.inside = shared
            refusal: Exception | None = None
            try:
                with _savepoint(shared) if shared.members else nullcontext():
                    yield SqliteRows(shared.connection)
                    shared.check()
                shared.members += 1
            except Exception as raised:
                refusal = raised if shared.members else None  # it may say what others wrote: that must hold by then
                raise
            finally:
                self._local.inside = None
                self._turns.leave(shared)
                if refusal is not None:
                    shared.wait(self._turns)
            shared.wait(self._turns)

    @contextmanager
    def read(self) -> Iterator[SqliteRows]:
        """Begin a transaction that sees one moment."""
        self._after_fork()
        inside: Shared | None = getattr(self._local, "inside", None)
        if inside is not None:  # a verb that reads inside its own write sees that write
            with translated(self._ours, driver.Error):
                yield SqliteRows(inside.connection)
            return
        if self._memory is not None:
            with self._turns.lock, translated(self._ours, driver.Error):
                self._turns.settle()
                yield SqliteRows(self._memory)
            return
        with translated(self._ours, driver.Error):
            connection, keep = self._connection(), self._local.until
            connection.execute("BEGIN")
            try:
                yield SqliteRows(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                del keep  # until here: whoever writes in between does so on another connection, which takes its place

    def migrate(self, steps: Callable[[Any], None]) -> None:
        """Run `steps` alone on the file. Raise Conflict while other processes have it open."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        with self._alone():
            connection = self._connection()
            engine = create_engine("sqlite://", module=driver, creator=lambda: connection, poolclass=StaticPool)
            with self._turns.lock, translated(self._ours, driver.Error), engine.connect() as alchemy:
                self._turns.settle()
                connection.execute("BEGIN EXCLUSIVE")
                try:
                    steps(alchemy)
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def backup(self, target: Path) -> None:
        """Copy the whole database to `target` as of one moment, while others go on."""
        with translated(self._ours, driver.Error):
            copy = driver.connect(str(target))
            try:
                self._connection().backup(copy)
            finally:
                copy.close()

    def examine(self, seconds: float) -> tuple[str, ...] | None:
        """Look for damage in the file, for so long at most: what is broken, or None where the time was too short."""
        connection, end = self._connection(), time.monotonic() + seconds
        connection.set_progress_handler(lambda: int(time.monotonic() > end), 100)
        try:
            rows = connection.execute("PRAGMA quick_check(5)").fetchall()
        except driver.OperationalError as error:
            if "interrupted" in str(error):
                return None
            return (str(error),)
        except driver.DatabaseError as error:
            return (str(error),)
        finally:
            connection.set_progress_handler(None, 0)
        return tuple(row[0] for row in rows if row[0] != "ok")

    def close(self) -> None:
        """Let go of every connection."""
        with self._guard:
            if self._process == os.getpid():
                for connection in _taken(self._connections):
                    connection.close()
                if self._memory is not None:
                    self._memory.close()
            self._connections.clear()
            if self._presence is not None:
                os.close(self._presence)
                self._presence = None
        self._local = threading.local()
        self._memory = None

    def _begin(self) -> Shared:
        connection = self._connection()
        _insist(connection, "BEGIN IMMEDIATE")
        return Shared(connection, getattr(self._local, "until", None))

    def _after_fork(self) -> None:
        """Begin anew in the child of a fork: connections and locks belong to the parent."""
        if self._process != os.getpid():
            self._local, self._connections, self._process = threading.local(), {}, os.getpid()
            self._guard, self._turns, self._presence = threading.Lock(), Turns(), None

    def _connection(self) -> Any:
        if self._memory is not None:
            return self._memory
        self._after_fork()
        connection = getattr(self._local, "connection", None)
        if (
            connection is None or connection.in_transaction
        ):  # who was interrupted as others went on with it has left it to them
            self._be_present()
            connection = self._local.connection = self._connect(str(self.path))
            self._local.until = _Until(self._connections, connection)
        return connection

    def _connect(self, path: str) -> Any:
        with translated(self._ours, driver.Error):
            connection = driver.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            try:
                _insist(connection, "PRAGMA journal_mode=WAL")
                for pragma in _PRAGMAS:
                    connection.execute(f"PRAGMA {pragma}")
            except driver.Error:
                connection.close()
                raise
        return connection

    def _be_present(self) -> None:
        """Hold a shared lock for as long as this process has the file open: a migration waits for nobody to hold it."""
        with self._guard:
            if self._presence is not None or self.path is None:
                return
            try:
                handle = os.open(
                    self.path.with_name(self.path.name + ".open"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
                )
            except OSError:
                return  # a read-only folder cannot be migrated by anybody either
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                raise Unavailable(
                    "the ledger is being migrated", kind="ledger-migrating", hint="wait a moment, then try again"
                ) from None
            self._presence = handle

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.path is None:
            yield
            return
        self._be_present()
        if self._presence is None:
            yield
            return
        try:
            fcntl.flock(self._presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "other processes have the ledger open",
                kind="ledger-in-use",
                hint="close other Loopline processes, then try again",
            ) from None
        try:
            yield
        finally:
            fcntl.flock(self._presence, fcntl.LOCK_SH)

    def _ours(self, caught: Exception) -> LooplineError | None:
        where = str(self.path) if self.path else "in memory"
        text = str(caught)
        for sign, kind, message, hint in _MEANINGS:
            if sign in text:
                return Unavailable(f"{message} ({where})", kind=kind, hint=hint, path=where, cause=text)
        return None


def _insist(connection: Any, statement: str) -> None:
    """Run what needs the file for itself, until others let go of it.

    SQLite waits by itself, but not where it sees a deadlock: of those who open a new file together, one makes the log.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute(statement)
        except driver.OperationalError as busy:
            if "locked" not in str(busy) or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


class _Until:
    """Closes a thread's connection when the thread ends: that is when its thread-local things go."""

    def __init__(self, connections: dict[int, Any], connection: Any) -> None:
        self._connections, self._connection, self._process = connections, connection, os.getpid()
        connections[id(connection)] = connection

    def __del__(self) -> None:
        if self._connections.pop(id(self._connection), None) is not None and self._process == os.getpid():
            self._connection.close()


def _taken(connections: dict[int, Any]) -> Iterator[Any]:
    """Take out one after the other: a thread that ends at this moment closes its own, and two must not close the same."""
    while connections:
        with suppress(KeyError):
            yield connections.popitem()[1]


@contextmanager
def _savepoint(shared: Shared) -> Iterator[None]:
    """Keep or undo what happens inside, as a part of the transaction around it."""
    connection = shared.connection
    shared.check()
    connection.execute("SAVEPOINT inner_write")
    try:
        yield
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO inner_write")
            connection.execute("RELEASE inner_write")
        elif isinstance(error, Exception):
            shared.undone = error
        raise
    connection.execute("RELEASE inner_write")


_MEANINGS: Final = (
    ("is full", "disk-full", "the disk is full: nothing was recorded", "free some space, then run it again"),
    (
        "readonly",
        "ledger-read-only",
        "the ledger cannot be written",
        "make the folder writable, or use another LOOPLINE_HOME",
    ),
    (
        "unable to open",
        "ledger-unopenable",
        "the ledger cannot be opened",
        "make its folder readable and writable, or use another LOOPLINE_HOME",
    ),
    (
        "locked",
        "ledger-busy",
        "the ledger has been busy for too long",
        "see which process writes to it, then try again",
    ),
    ("malformed", "ledger-corrupt", "the ledger is damaged", "restore a backup from the backups folder beside it"),
    (
        "not a database",
        "ledger-corrupt",
        "this file is no ledger",
        "restore a backup from the backups folder beside it",
    ),
    (
        "disk I/O error",
        "disk-error",
        "the disk failed: nothing was recorded",
        "check the disk and its space, then run it again",
    ),
)
