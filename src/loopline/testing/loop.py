"""loop: a whole Loop in memory, with a clock and ids that the test controls."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import create
from loopline.loop import Loop
from loopline.nouns.actor import parse_actor
from loopline.store.memory import MemoryBlobs
from loopline.store.sqlite import SqliteDatabase
from loopline.testing.clock import FakeClock, SequentialIds
from loopline.wiring import codecs, makers


def loop(project: str = "flights", *, actor: str = "ann", **ports: Any) -> Loop:
    """Give an empty Loop: blobs in memory, SQLite in memory, a fake clock, ids in sequence. `ports` replace any of it."""
    clock = ports.pop("clock", None) or FakeClock()
    database = ports.pop("database", None) or empty_database()
    given: dict[str, Any] = {
        "home": project,
        "ledger": Ledger(database, clock=clock),
        "blobs": MemoryBlobs(),
        "clock": clock,
        "ids": SequentialIds(),
        "work": Path(tempfile.gettempdir()) / "loopline-testing",
        "executors": makers("loopline.executors"),
        "codecs": codecs(),
    }
    return Loop(project=project, actor=parse_actor(actor), **(given | ports))


def empty_database() -> SqliteDatabase:
    """Give a database in memory with all tables."""
    database = SqliteDatabase(None)
    create(database)
    return database
