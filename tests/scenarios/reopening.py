"""The same machine where the ledger outlives the process: in a file, and on PostgreSQL."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import ClassVar

from hypothesis.stateful import rule

from loopline.ledger.schema import prepare
from loopline.store.database import Database
from loopline.wiring import open_database
from tests.scenarios.machine import LedgerMachine


class Reopened(LedgerMachine):
    """A machine whose ledger outlives the process: it is closed and opened again, and after each crash by another one."""

    def died(self) -> None:
        self.reopen()

    @rule()
    def reopen(self) -> None:
        """The process ends and another begins."""
        self.database.close()
        self.open()


class FileMachine(Reopened):
    """On a file of SQLite."""

    def new_database(self) -> Database:
        if not hasattr(self, "folder"):
            self.folder = Path(tempfile.mkdtemp(prefix="loopline-machine-"))
            shutil.copy(_file(), self.folder / "ledger.db")
        return open_database(f"sqlite:///{self.folder / 'ledger.db'}")

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.folder)


class PostgresMachine(Reopened):
    """On PostgreSQL, in a database of its own for each history."""

    server: ClassVar[str] = ""
    """Address of a database of the server that has all tables and is connected to by nobody."""

    def new_database(self) -> Database:
        if not hasattr(self, "name"):
            self.name = f"machine_{uuid.uuid4().hex}"
            self._tell("CREATE DATABASE {} TEMPLATE {}", self.name, self.server.rpartition("/")[2])
        return open_database(f"{self.server.rpartition('/')[0]}/{self.name}")

    def close(self) -> None:
        super().close()
        self._tell("DROP DATABASE {} WITH (FORCE)", self.name)

    def _tell(self, command: str, *names: str) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.server.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


@functools.cache
def _file() -> Path:
    """Make a file with all tables, once: the migrations take longer than a history."""
    folder = Path(tempfile.mkdtemp(prefix="loopline-machine-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    prepare(database)
    database.close()
    return folder / "ledger.db"
