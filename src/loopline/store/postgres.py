"""postgres: rows in a PostgreSQL database.

A transaction borrows a connection for as long as it lasts; a thread that opens one inside its own goes on with the same. A
connection that turns out to be gone is replaced where nothing is lost by it: before the transaction has seen anything.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final

from loopline.errors import LooplineError, Unavailable
from loopline.store.database import Row, translated

MOST: Final = 16
"""Connections of one process. Whoever asks for more waits for one of them."""
PATIENCE_S: Final = 30.0
IDLE_S: Final = 300.0
"""A connection that nobody has used for so long is closed when another one is given back."""
_SESSION: Final = (
    "SET lock_timeout = '60s'; SET statement_timeout = '120s'; SET idle_in_transaction_session_timeout = '300s'"
)
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE: Final = "BEGIN"
_LINK: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 40_000,
    "application_name": "loopline",
}
"""What is asked of a connection where its address does not say otherwise: a peer that fell silent is noticed."""


@lru_cache(maxsize=1024)
def spell(sql: str) -> str:
    """Write our SQL as psycopg wants it. Our statements hold no literal `?` or `%`: patterns are values."""
    return sql.replace("?", "%s")


class PostgresRows:
    """One transaction on one connection."""

    dialect = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._run = connection.execute
        self._cursor = connection.cursor

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement and give every row."""
        rows: list[Row] = self._run(spell(sql), values).fetchall()
        return rows

    def one(self, sql: str, *values: Any) -> Row | None:
        """Run one statement and give its first row, or None."""
        row: Row | None = self._run(spell(sql), values).fetchone()
        return row

    def do(self, sql: str, *values: Any) -> int:
        """Run one statement that changes rows and give how many it changed."""
        changed: int = self._run(spell(sql), values).rowcount
        return changed

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`."""
        with self._cursor() as cursor:
            cursor.executemany(spell(sql), list(rows))


class _Transaction(PostgresRows):
    """The outermost transaction of a thread. Until its first statement has been answered, its connection may be replaced."""

    def __init__(self, database: PostgresDatabase, begin: str) -> None:
        self._database = database
        self._begin = begin
        self.connection = database._begun(begin)
        self._run = self._first
        self._cursor = self._begin_cursor

    def settle(self) -> None:
        """Keep the connection from now on: something has been seen or done."""
        self._run = self.connection.execute

    def _begin_cursor(self) -> Any:
        self.settle()
        return self.connection.cursor()

    def _first(self, sql: str, values: Any) -> Any:
        try:
            cursor = self.connection.execute(sql, values)
        except self._database._psycopg.OperationalError:
            if not self.connection.closed:
                raise
            self._database._give_back(self.connection)
            self.connection = self._database._begun(self._begin)
            cursor = self.connection.execute(sql, values)
        self.settle()
        return cursor


class PostgresDatabase:
    """Transactions on at most `most` connections, which are kept while they are used."""

    dialect = "postgresql"

    def __init__(self, url: str, *, most: int = MOST, patience: float = PATIENCE_S) -> None:
        try:
            import psycopg
        except ImportError:
            raise Unavailable(
                "PostgreSQL needs the extra 'postgres'", kind="extra-missing", hint="pip install 'loopline[postgres]'"
            ) from None
        self._psycopg = psycopg
        self.url = url
        self._most, self._patience = most, patience
        self._fresh()

    def _fresh(self) -> None:
        self._process = os.getpid()
        self._local = threading.local()
        self._idle: list[tuple[float, Any]] = []
        self._guard = threading.Lock()
        self._places = threading.BoundedSemaphore(self._most)
        self._closed = False

    @contextmanager
    def write(self) -> Iterator[PostgresRows]:
        """Begin a transaction that may change rows. The ledger locks its project's head first, so writers queue there.

        Raise Unavailable ledger-unreachable when the connection is lost: `recorded` is `nothing`, or `unknown` where it was
        lost between asking for the commit and the answer.
        """
        with translated(self._ours, self._psycopg.Error):
            outer = self._mine()
            if outer is not None:
                with outer.connection.transaction():
                    yield PostgresRows(outer.connection)
                return
            with self._borrowed(_WRITE) as rows:
                yield rows
                self._commit(rows.connection)

    @contextmanager
    def read(self) -> Iterator[PostgresRows]:
        """Begin a transaction that sees one moment."""
        with translated(self._ours, self._psycopg.Error):
            outer = self._mine()
            if outer is not None:
                yield PostgresRows(outer.connection)
                return
            with self._borrowed(_READ) as rows:
                yield rows

    def migrate(self, steps: Callable[[Any], None]) -> None:
        """Run `steps` in one transaction under an advisory lock that other migrations wait for."""
        from sqlalchemy import create_engine, text

        engine = create_engine(
            self.url.replace("postgres://", "postgresql://").replace("postgresql://", "postgresql+psycopg://")
        )
        try:
            with translated(self._ours, self._psycopg.Error), engine.begin() as alchemy:
                alchemy.execute(text("SELECT pg_advisory_xact_lock(4040)"))
                steps(alchemy)
        finally:
            engine.dispose()

    def close(self) -> None:
        """Let go of every connection; those of transactions that are under way follow at their ends."""
        if self._process != os.getpid():
            return
        with self._guard:
            idle, self._idle, self._closed = self._idle, [], True
        for _, connection in idle:
            connection.close()

    def _mine(self) -> _Transaction | None:
        """Give the transaction that this thread is in."""
        if self._process != os.getpid():  # after a fork a connection belongs to the parent
            self._fresh()
        found: _Transaction | None = getattr(self._local, "transaction", None)
        if found is not None:
            found.settle()
        return found

    @contextmanager
    def _borrowed(self, begin: str) -> Iterator[_Transaction]:
        local = self._local
        if not self._places.acquire(timeout=self._patience):
            raise Unavailable(
                f"all {self._most} connections of this process have been busy for too long",
                kind="ledger-busy",
                hint="try again",
                connections=self._most,
            )
        try:
            rows = local.transaction = _Transaction(self, begin)
            try:
                yield rows
            finally:
                local.transaction = None
                self._give_back(rows.connection)
        finally:
            self._places.release()

    def _begun(self, begin: str) -> Any:
        """Give a connection in a new transaction. One that was idle and is gone tells that all that were idle are."""
        with self._guard:
            kept = self._idle.pop()[1] if self._idle else None
        if kept is not None:
            try:
                kept.execute(begin)
            except self._psycopg.OperationalError:
                kept.close()
                with self._guard:
                    idle, self._idle = self._idle, []
                for _, connection in idle:
                    connection.close()
            else:
                return kept
        connection = self._connect()
        try:
            connection.execute(begin)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> Any:
        told = self._psycopg.conninfo.conninfo_to_dict(self.url)
        link: dict[str, Any] = {key: value for key, value in _LINK.items() if key not in told}
        connection = self._psycopg.connect(self.url, autocommit=True, **link)
        connection.execute(_SESSION)
        return connection

    def _give_back(self, connection: Any) -> None:
        """End what is left of a transaction, and keep the connection where it is sound."""
        status = self._psycopg.pq.TransactionStatus
        if not connection.closed and connection.info.transaction_status != status.IDLE:
            with suppress(self._psycopg.Error):
                connection.execute("ROLLBACK")
        sound = not connection.closed and connection.info.transaction_status == status.IDLE
        now = time.monotonic()
        with self._guard:
            if sound and not self._closed:
                self._idle.append((now, connection))
            old = [one for since, one in self._idle if now - since > IDLE_S]
            self._idle = [(since, one) for since, one in self._idle if now - since <= IDLE_S]
            kept = sound and not self._closed
        if not kept:
            connection.close()
        for one in old:
            one.close()

    def _commit(self, connection: Any) -> None:
        status = self._psycopg.pq.TransactionStatus
        if connection.info.transaction_status == status.INERROR:
            msg = "a statement of this transaction failed and the error was swallowed: nothing can be committed"
            raise RuntimeError(msg)
        try:
            connection.execute("COMMIT")
        except self._psycopg.OperationalError as caught:
            if not connection.closed:
                raise
            raise Unavailable(
                "the connection was lost while the ledger committed: whether this was recorded is not known",
                kind="ledger-unreachable",
                hint="look whether it is there before you do it again",
                recorded="unknown",
                cause=_first_line(caught),
            ) from caught

    def _ours(self, caught: Exception) -> LooplineError | None:
        errors = self._psycopg.errors
        if isinstance(caught, errors.DiskFull):
            return Unavailable(
                "the database's disk is full", kind="disk-full", hint="free some space, then run it again"
            )
        if isinstance(caught, (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)):
            return Unavailable(
                "the ledger has been busy for too long", kind="ledger-busy", hint="try again", cause=_first_line(caught),
                deadlock=isinstance(caught, errors.DeadlockDetected),
            )  # fmt: skip
        if isinstance(caught, errors.ReadOnlySqlTransaction):
            return Unavailable(
                "the database takes no writes", kind="ledger-read-only", hint="connect to the primary server"
            )
        if isinstance(caught, (self._psycopg.OperationalError, errors.IdleInTransactionSessionTimeout)):
            return Unavailable(
                "the database does not answer: nothing was recorded",
                kind="ledger-unreachable",
                hint="check LOOPLINE_DATABASE and the server, then try again",
                recorded="nothing",
                cause=_first_line(caught),
            )
        return None


def _first_line(caught: Exception) -> str:
    return str(caught).splitlines()[0] if str(caught) else ""
