"""The ledger on each database that it must work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loopline.ledger.ledger import Ledger, Writing
from loopline.nouns.actor import Actor
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.run import Run
from loopline.store.database import Database
from loopline.testing.clock import FakeClock, SequentialIds
from loopline.testing.loop import empty_database
from loopline.wiring import open_database

PROJECT = "flights"
ANN = Actor("person", "ann")
MODEL = AssetName(PROJECT, "model", "delay")
CHAMPION = RefName(MODEL, "champion")


class Hand:
    """A ledger, its clock and ids, and the few things that most tests do with it."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock(step=1)
        self.ids = SequentialIds()
        self.database = database
        self.ledger = Ledger(database, clock=self.clock)
        self.read = self.ledger.read

    @contextmanager
    def write(self, kind: str = "test") -> Iterator[Writing]:
        """Open a write transaction that says `kind`."""
        with self.ledger.write(PROJECT, ANN) as tx:
            tx.say(kind, "test")
            yield tx

    def publish(self, *bodies: bytes, asset: AssetName = MODEL, run: str | None = None) -> None:
        """Publish one version for each body."""
        with self.write() as tx:
            for body in bodies:
                tx.versions.publish(asset, Artifact(digest_of(body), size=len(body)), author="person:ann", run=run)

    def move(self, new: int | None, *, ref: RefName = CHAMPION) -> Change:
        """Move a ref by an applied change."""
        with self.write() as tx:
            here = tx.refs.find(ref)
            change = tx.changes.propose(self.change(Move(ref, here.target if here else None, new)))
            tx.refs.move(change.moves[0], change=change.id)
            return tx.changes.move(change, ChangeState.APPLIED, seq=tx.seq)

    def change(self, *moves: Move) -> Change:
        """Make a proposal."""
        return Change(self.ids.new(), PROJECT, "person:ann", "because", "planned", ChangeState.PROPOSED, moves, 0)

    def run(self, **fields: Any) -> Run:
        """Start a run."""
        with self.write() as tx:
            return tx.runs.start(Run(self.ids.new(), PROJECT, "train", **fields))


@pytest.fixture(params=["sqlite", "postgresql"])
def hand(request: pytest.FixtureRequest) -> Iterator[Hand]:
    """Give a ledger in SQLite's memory, and the same on PostgreSQL."""
    if request.param == "sqlite":
        database: Database = empty_database()
    else:
        database = open_database(request.getfixturevalue("postgres_ledger"))
    yield Hand(database)
    database.close()


@pytest.fixture
def file_database(tmp_path: Path) -> Iterator[Database]:
    """Give an empty SQLite file."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield database
    database.close()
