"""A database that dies in the middle of a write, and rules of a state machine that live with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from hypothesis.stateful import multiple

from loopline.store.database import Database, Rows

Rule = TypeVar("Rule", bound=Callable[..., Any])


class Crash(BaseException):
    """The process dies here."""


class Crashing:
    """A database that dies at the n-th statement of a write, when it is told to."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.dialect = inner.dialect
        self.fuse: int | None = None

    @contextmanager
    def write(self) -> Iterator[Rows]:
        with self._inner.write() as rows:
            yield _CrashingRows(rows, self)

    def read(self) -> Any:
        return self._inner.read()

    def migrate(self, steps: Any) -> None:
        self._inner.migrate(steps)

    def close(self) -> None:
        self._inner.close()

    def burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise Crash


class _CrashingRows:
    def __init__(self, rows: Rows, database: Crashing) -> None:
        self._rows, self._database = rows, database
        self.dialect = rows.dialect

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._rows, name)

        def call(*args: Any) -> Any:
            self._database.burn()
            return method(*args)

        return call


class Mortal(Protocol):
    """A machine whose process may die."""

    database: Crashing
    fuse: int | None
    """How many statements of the next rule that writes are still run."""

    def died(self) -> None:
        """Go on as another process."""


def writes(act: Rule) -> Rule:
    """Make a rule one during which the process may die: then nothing of it has happened, and the next one goes on."""

    @functools.wraps(act)
    def run(machine: Mortal, **given: Any) -> Any:
        machine.database.fuse, machine.fuse = machine.fuse, None
        try:
            return act(machine, **given)
        except Crash:
            machine.died()
            return None if act.__annotations__["return"] == "None" else multiple()
        finally:
            machine.database.fuse = None

    return run  # type: ignore[return-value]
