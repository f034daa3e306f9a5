"""postgres: rows in a PostgreSQL database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from loopline.errors import LooplineError, Unavailable
from loopline.store.database import Row, translated


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


class PostgresDatabase:
    """A connection for each thread that asks, kept until `close`."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise Unavailable(
                "PostgreSQL needs the extra 'postgres'", kind="extra-missing", hint="pip install 'loopline[postgres]'"
            ) from None
        self._psycopg = psycopg
        self.url = url
        self._local = threading.local()
        self._connections: list[Any] = []
        self._guard = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[PostgresRows]:
        """Begin a transaction that may change rows. The ledger locks its project's head first, so writers queue there."""
        with translated(self._ours, self._psycopg.Error):
            connection = self._connection()
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '60s'")
                yield PostgresRows(connection)

    @contextmanager
    def read(self) -> Iterator[PostgresRows]:
        """Begin a transaction that sees one moment."""
        with translated(self._ours, self._psycopg.Error):
            connection = self._connection()
            if connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
                yield PostgresRows(connection)
                return
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield PostgresRows(connection)

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
        """Let go of every connection."""
        with self._guard:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.broken:
            connection = self._psycopg.connect(self.url, autocommit=True)
            self._local.connection = connection
            with self._guard:
                self._connections = [c for c in self._connections if not c.closed]
                self._connections.append(connection)
        return connection

    def _ours(self, caught: Exception) -> LooplineError | None:
        errors = self._psycopg.errors
        if isinstance(caught, errors.DiskFull):
            return Unavailable(
                "the database's disk is full", kind="disk-full", hint="free some space, then run it again"
            )
        if isinstance(caught, errors.LockNotAvailable):
            return Unavailable("the ledger has been busy for too long", kind="ledger-busy", hint="try again")
        if isinstance(caught, errors.ReadOnlySqlTransaction):
            return Unavailable(
                "the database takes no writes", kind="ledger-read-only", hint="connect to the primary server"
            )
        if isinstance(caught, self._psycopg.OperationalError):
            return Unavailable(
                "the database does not answer", kind="ledger-unreachable", hint="check LOOPLINE_DATABASE and the server",
                cause=str(caught).splitlines()[0] if str(caught) else "",
            )  # fmt: skip
        return None
