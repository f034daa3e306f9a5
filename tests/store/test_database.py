"""Writes inside writes, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare
from loopline.nouns.actor import Actor
from loopline.testing.clock import FakeClock
from loopline.wiring import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.store.database import Database

ANN = Actor("person", "ann")


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database with all tables."""
    if request.param == "memory":
        from loopline.testing.loop import empty_database

        opened: Database = empty_database()
    elif request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
        prepare(opened)
    else:
        opened = open_database(request.getfixturevalue("postgres_database"))
        prepare(opened)
    yield opened
    opened.close()


def put(rows: object, name: str) -> None:
    """Write one row."""
    rows.do("INSERT INTO projects (name, created_at) VALUES (?, 1)", name)  # type: ignore[attr-defined]


def names(database: Database) -> list[str]:
    """Read the rows, as somebody else would."""
    with database.read() as rows:
        return [row[0] for row in rows.all("SELECT name FROM projects ORDER BY name")]


def test_an_inner_write_holds_with_the_outer_one(database: Database) -> None:
    """What an inner write did is there when the outer one commits, and gone when the outer one raises."""
    with database.write() as outer:
        put(outer, "a")
        with database.write() as inner:
            put(inner, "b")
    assert names(database) == ["a", "b"]
    with pytest.raises(KeyError), database.write() as outer:
        with database.write() as inner:
            put(inner, "c")
        raise KeyError
    assert names(database) == ["a", "b"]


def test_an_inner_failure_is_undone_alone(database: Database) -> None:
    """What raised inside is undone; the outer write goes on with what came before and after."""
    with database.write() as outer:
        put(outer, "a")
        with pytest.raises(KeyError), database.write() as inner:
            put(inner, "b")
            raise KeyError
        put(outer, "c")
    assert names(database) == ["a", "c"]


def test_writes_nest_three_deep(database: Database) -> None:
    """Each level is undone with what is inside it, and nothing else."""
    with database.write() as one:
        put(one, "a")
        with pytest.raises(KeyError), database.write() as two:
            put(two, "b")
            with database.write() as three:
                put(three, "c")
            raise KeyError
        with database.write() as two:
            put(two, "d")
            with pytest.raises(KeyError), database.write() as three:
                put(three, "e")
                raise KeyError
    assert names(database) == ["a", "d"]


def test_a_read_inside_a_write_sees_it(database: Database) -> None:
    """A verb that reads within its own transaction sees what it has written."""
    with database.write() as outer:
        put(outer, "a")
        with database.write() as inner:
            put(inner, "b")
            assert names(database) == ["a", "b"]
        assert names(database) == ["a", "b"]


def test_events_of_inner_writes_chain(database: Database) -> None:
    """Two ledger writes in one outer transaction are two events, and one that failed leaves no gap."""
    ledger = Ledger(database, clock=FakeClock(step=1))
    with ledger.telemetry():
        for kind in ("one", "broken", "two"):
            try:
                with ledger.write("flights", ANN) as tx:
                    tx.projects.ensure(kind)
                    tx.say(kind, "x")
                    if kind == "broken":
                        raise KeyError
            except KeyError:
                continue
    with ledger.read() as tables:
        assert [(one.seq, one.kind) for one in tables.feed.iter("flights")] == [(1, "one"), (2, "two")]
        assert tables.feed.verify("flights") is None
        assert tables.projects.list() == ["one", "two"]
