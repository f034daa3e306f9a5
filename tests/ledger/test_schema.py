from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Refused
from loopline.ledger import schema
from loopline.ledger.incidents import Incidents
from loopline.ledger.tasks import Tasks
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.token import Scope
from loopline.store.database import Database
from loopline.wiring import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database without tables."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if sqlite else request.getfixturevalue("postgres_database")
    database = open_database(url)
    yield database
    database.close()


def test_newest_is_the_newest_file() -> None:
    """The constant and the folder of migrations agree."""
    files = sorted((Path(schema.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    assert files[-1].name.partition("_")[0] == schema.NEWEST


def test_a_new_file_has_what_the_migrations_make(tmp_path: Path) -> None:
    """Tables, indexes and revision of a new ledger are those of one that went through every migration."""
    made, migrated = (
        open_database(f"sqlite:///{tmp_path / 'new.db'}"),
        open_database(f"sqlite:///{tmp_path / 'old.db'}"),
    )
    schema.prepare(made)
    migrated.migrate(schema.upgrade)
    assert schema.written(made) == schema.written(migrated)
    made.close()
    migrated.close()


def test_a_new_file_is_made_without_sqlalchemy(tmp_path: Path) -> None:
    """The first command in a folder does not wait for a library that only migrations need."""
    code = (
        "import sys; from loopline.wiring import open_database; from loopline.ledger.schema import prepare;"
        f"prepare(open_database('sqlite:///{tmp_path / 'ledger.db'}')); print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_empty_database_gets_its_tables(empty: Database) -> None:
    """Preparing makes the tables; preparing again does nothing."""
    assert schema.found(empty) is None
    schema.prepare(empty)
    assert schema.found(empty) == schema.NEWEST
    schema.prepare(empty)


def test_a_newer_schema_is_refused(empty: Database) -> None:
    """Code that would misread the tables does not touch them."""
    schema.prepare(empty)
    with empty.write() as rows:
        rows.do("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Refused) as caught:
        schema.prepare(empty)
    assert caught.value.kind == "newer-schema"


def test_an_older_file_is_backed_up_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the old ledger stands beside the new one before anything is changed."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    schema.prepare(database)
    with database.write() as rows:
        rows.do("INSERT INTO projects (name, created_at) VALUES ('old', 1)")
        rows.do("UPDATE alembic_version SET version_num = '0000'")
    ran: list[object] = []
    monkeypatch.setattr(schema, "upgrade", ran.append)
    schema.prepare(database, now=lambda: 42)
    database.close()
    assert len(ran) == 1
    copy = open_database(f"sqlite:///{tmp_path / 'backups' / 'ledger-0000-42.db'}")
    with copy.read() as rows:
        assert rows.one("SELECT name FROM projects") == ("old",)
    copy.close()


def test_postgresql_is_migrated_only_when_asked(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that starts does not change a shared database's tables by itself."""
    database = open_database(postgres_database)
    schema.prepare(database)
    with database.write() as rows:
        rows.do("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Refused) as caught:
        schema.prepare(database)
    assert caught.value.hint == "loopline migrate"
    ran: list[object] = []
    monkeypatch.setattr(schema, "upgrade", ran.append)
    schema.prepare(database, migrate=True)
    database.close()
    assert len(ran) == 1


def test_a_migration_waits_for_other_processes(tmp_path: Path) -> None:
    """While another process has the file open, its tables are not changed under it."""
    path = tmp_path / "ledger.db"
    database = open_database(f"sqlite:///{path}")
    schema.prepare(database)
    with database.write() as rows:
        rows.do("UPDATE alembic_version SET version_num = '0000'")
    program = (
        "import sys; from loopline.wiring import open_database\n"
        f"d = open_database('sqlite:///{path}')\n"
        "with d.read() as r: r.one('SELECT 1')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(Conflict) as caught:
            schema.prepare(database)
        assert caught.value.kind == "ledger-in-use"
        other.stdin.close()
    database.close()


def test_what_waited_before_a_migration_is_held_against_its_asker(empty: Database) -> None:
    """A task of somebody known gets a scope that narrows nothing, so that their roles count; what nobody vouched for, none."""
    empty.migrate(lambda alchemy: schema.upgrade(alchemy, "0002"))
    with empty.write() as rows:
        for name, verified in (("a", 1), ("b", 0)):
            rows.do(
                "INSERT INTO tasks (id, project, queue, verb, words, actor, verified, state, created_at)"
                " VALUES (?, 'flights', 'default', 'run', '{}', 'person:ann', ?, 'queued', 1)",
                name, verified,
            )  # fmt: skip
    schema.prepare(empty, migrate=True)
    assert schema.found(empty) == schema.NEWEST
    with empty.read() as rows:
        tasks = Tasks(rows, 2)
        assert (tasks.scopes("a"), tasks.scopes("b")) == ((Scope(),), None)
        assert [task.run for task in tasks.list("flights")] == [None, None]


def test_incidents_of_before_are_kept_with_nothing_invented(empty: Database) -> None:
    """One that was resolved, and its edge, get blanks for what the ledger did not keep then: who ended it, who says so, why."""
    empty.migrate(lambda alchemy: schema.upgrade(alchemy, "0009"))
    with empty.write() as rows:
        rows.do(
            "INSERT INTO incidents (id, project, title, severity, opened_by, opened_at, resolved_at)"
            " VALUES ('a1', 'flights', 'late', 'high', 'person:ann', 1, 2)"
        )
        rows.do(
            "INSERT INTO blames (incident, relation, change, source, confidence) VALUES ('a1', 'caused_by', 'c', 'human', 0.5)"
        )
    schema.prepare(empty, migrate=True)
    with empty.read() as rows:
        assert Incidents(rows, 3).get("a1") == Incident(
            "a1", "flights", "late", "high", "person:ann", 1, 2, (Blame("caused_by", "c", "human", 0.5),)
        )


def test_points_of_an_older_schema_are_carried_over(empty: Database) -> None:
    """Every point is there afterwards, in the order in which it came, and the next one follows them."""
    from loopline.ledger.metrics import Metrics
    from loopline.nouns.run import Point

    empty.migrate(lambda alchemy: schema.upgrade(alchemy, "0014"))
    with empty.write() as rows:
        for run, step, value in (("r1", 2, 0.5), ("r2", 1, 7.0), ("r1", 1, None), ("r1", 2, 0.25)):
            rows.do("INSERT INTO points (run, key, step, time, value) VALUES (?, 'loss', ?, 5, ?)", run, step, value)
        for run, last, count in (("r1", 0.25, 3), ("r2", 7.0, 1)):
            rows.do(
                "INSERT INTO series (run, key, last, last_step, last_time, low, high, count)"
                " VALUES (?, 'loss', ?, 2, 5, 0, 9, ?)",
                run, last, count,
            )  # fmt: skip
    schema.prepare(empty, migrate=True)
    with empty.write() as rows:
        metrics = Metrics(rows, 9)
        assert metrics.rows("r1", "loss", limit=9) == [(1, 5, 1, None), (2, 5, 0, 0.5), (2, 5, 2, 0.25)]
        metrics.add("r1", [Point("loss", 1.0, 2, 5)])
        assert metrics.rows("r1", "loss", limit=9)[-1] == (2, 5, 3, 1.0)
        assert metrics.rows("r2", "loss", limit=9) == [(1, 5, 0, 7.0)]


def test_texts_may_be_as_long_as_anybody_lets_them_be(empty: Database) -> None:
    """No index of either database keeps a long text out, also where it cannot be made shorter."""
    schema.prepare(empty, migrate=True)
    long = "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(1_600))
    with empty.write() as rows:
        rows.do("INSERT INTO params (run, key, value) VALUES ('r', 'k', ?)", long)
        rows.do("INSERT INTO tags (run, key, value) VALUES ('r', 'k', ?)", long)
        rows.do("INSERT INTO taggings (subject, key, value) VALUES ('asset/1', 'k', ?)", long)
        rows.do(
            "INSERT INTO traces (project, id, experiment, state, time, session, recorded_at)"
            " VALUES ('p', 't', 1, 'ok', 1, ?, 1)",
            long,
        )
    with empty.read() as rows:
        assert rows.one("SELECT subject FROM taggings WHERE key = 'k' AND value = ?", long) == ("asset/1",)
