"""database: rows in SQL, on SQLite or PostgreSQL, in transactions that hold or vanish.

One SQL text serves both dialects: `?` for values, `ON CONFLICT`, `RETURNING`, recursive `WITH`. A write transaction is
the only writer of its scope (all of a SQLite file; one project on PostgreSQL, by a row lock that the ledger takes), so
what is read inside it stays true until it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Row = tuple[Any, ...]


class Rows(Protocol):
    """A transaction that is under way. Values are int, float, str, bytes or None."""

    dialect: str
    """`sqlite` or `postgresql`."""

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement and give every row."""

    def one(self, sql: str, *values: Any) -> Row | None:
        """Run one statement and give its first row, or None."""

    def do(self, sql: str, *values: Any) -> int:
        """Run one statement that changes rows and give how many it changed."""

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`."""


class Database(Protocol):
    """Opens transactions. Threads share one Database; each has a transaction of its own."""

    dialect: str

    def write(self) -> AbstractContextManager[Rows]:
        """Begin a transaction that may change rows. It commits when the block ends well and rolls back when it raises.

        Inside a write of the same thread it is a part of that one: undone alone when it raises, durable only with it.
        Commit returns when the disk (or the server) has it. Raise Unavailable: disk-full, ledger-read-only, ledger-busy,
        ledger-corrupt, ledger-unreachable.
        The fact `recorded` of ledger-unreachable is `nothing`, or `unknown` where the answer to the commit was lost: then
        doing it again may do it twice.
        """

    def read(self) -> AbstractContextManager[Rows]:
        """Begin a transaction that sees one moment and changes nothing."""

    def migrate(self, steps: Callable[[Any], None]) -> None:
        """Run `steps` with an SQLAlchemy connection inside one transaction that nobody else shares."""

    def close(self) -> None:
        """Let go of every connection."""


@contextmanager
def translated(errors: Callable[[Exception], Exception | None], kinds: type[Exception]) -> Iterator[None]:
    """Turn a driver's exceptions into ours; what `errors` does not know passes unchanged."""
    try:
        yield
    except kinds as caught:
        ours = errors(caught)
        if ours is None:
            raise
        raise ours from caught
