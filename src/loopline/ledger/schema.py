"""schema: whether the tables are those that this code knows, and how they get there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from loopline.errors import Conflict, Refused, Unavailable
from loopline.store.database import Database

NEWEST: Final = "0019"
"""The revision of the newest file in `migrations/versions`; a test holds the two together."""
_FOLDER: Final = Path(__file__).parent / "migrations"
WHOLE: Final = _FOLDER / "newest.sql"
"""What all migrations together make of an empty SQLite database; `make reference` writes it, a test holds it to them."""
_TABLES: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"


def found(database: Database) -> str | None:
    """Read the revision of the tables; None where there are none yet."""
    with database.read() as rows:
        if rows.dialect == "sqlite":
            known = rows.one(_TABLES)
        else:
            known = rows.one("SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL")
        row = rows.one("SELECT version_num FROM alembic_version") if known else None
    return str(row[0]) if row else None


def prepare(database: Database, *, migrate: bool | None = None, now: Callable[[], int] | None = None) -> None:
    """Bring the tables to NEWEST, or raise.

    An empty database gets its tables. An older SQLite file is backed up beside itself and migrated (`now` names the
    copy); an older PostgreSQL database only with `migrate=True`. A newer schema is Refused: this code would misread it.
    """
    here = found(database)
    if here is None and database.dialect == "sqlite":
        create(database)
        here = found(database)
    if here == NEWEST:
        return
    if here is not None and here > NEWEST:
        raise Refused(
            "the ledger was written by a newer Loopline", kind="newer-schema", hint="pip install -U loopline",
            found=here, known=NEWEST,
        )  # fmt: skip
    if here is not None and database.dialect == "postgresql" and not migrate:
        raise Refused(
            "the ledger's tables are older than this code",
            kind="older-schema",
            hint="loopline migrate",
            found=here,
            known=NEWEST,
        )
    if here is not None:
        _back_up(database, here, now)
    try:
        database.migrate(upgrade)
    except Conflict:
        if found(database) != NEWEST:  # somebody else may just have done it
            raise


def create(database: Database) -> None:
    """Make every table of NEWEST in an empty SQLite database at once: the migrations would load SQLAlchemy for that.

    Whoever comes second leaves alone what is there.
    """
    with database.write() as rows:
        if rows.one(_TABLES) is None:
            make(rows.do)


def make(do: Callable[[str], object]) -> None:
    """Have each statement done that together make every table of NEWEST in an empty SQLite database."""
    for statement in WHOLE.read_text(encoding="utf-8").split(";\n\n"):
        do(statement)


def written(database: Database) -> str:
    """Write a SQLite database's schema and revision as SQL, statements in the order in which they were made."""
    with database.read() as rows:
        made = rows.all(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rootpage = 0, rootpage"
        )
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{found(database)}')"
    return ";\n\n".join([*(re.sub(r" +\n", "\n", row[0].replace("\t", "    ")).rstrip() for row in made), stamp]) + "\n"


def _back_up(database: Database, here: str, now: Callable[[], int] | None) -> None:
    backup = getattr(database, "backup", None)
    path: Path | None = getattr(database, "path", None)
    if backup is None or path is None:
        return
    folder = path.parent / "backups"
    try:
        folder.mkdir(exist_ok=True)
        backup(folder / f"{path.stem}-{here}-{now() if now else 0}.db")
    except OSError as error:
        raise Unavailable(
            "the backup before the migration could not be written", kind="backup-failed", hint=f"make {folder} writable",
            cause=str(error),
        ) from error  # fmt: skip


def upgrade(alchemy: Any, to: str = NEWEST) -> None:
    """Run the migrations that lead to a revision, on an SQLAlchemy connection inside its transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=lambda rev, _: script._upgrade_revs(to, rev)) as environment:  # noqa: SLF001 (what env.py templates call)
        environment.configure(connection=alchemy, transactional_ddl=True)
        environment.run_migrations()
