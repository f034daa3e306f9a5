"""migrate: the ledger's tables, brought to what this code knows."""

from __future__ import annotations

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.finding import Finding


def migrate(where: Place) -> Finding:
    """Bring the ledger's tables to what this code knows, after a copy of every row.

    On SQLite any command does so by itself; PostgreSQL is shared, so somebody has to say when. Stop servers and workers of the
    older version first. The copy is in `backups/` of the home folder; `loopline restore` cannot take it without the bytes, which
    stay where they are.

    Example:
        loopline migrate
    """
    from loopline.ledger.archive import write_archive
    from loopline.ledger.schema import NEWEST, found, prepare
    from loopline.store.system import SystemClock
    from loopline.wiring import open_rows

    if where.options.dry:
        raise Invalid(
            "a migration cannot be rehearsed", kind="no-dry-run", hint="restore a backup elsewhere and migrate that"
        )
    settings, clock = where.settings, SystemClock()
    database = open_rows(settings)
    try:
        before = found(database)
        if before == NEWEST:
            return Finding("tables", "ok", f"revision {NEWEST}: nothing to do")
        kept = ""
        if before is not None and before < NEWEST and database.dialect == "postgresql":
            folder = settings.home / "backups"
            folder.mkdir(parents=True, exist_ok=True)
            copy = folder / f"ledger-{before}-{clock.now()}.archive"
            write_archive(database, copy, now=clock.now())
            kept = f"; the rows as they were are in {copy}"
        prepare(database, migrate=True, now=clock.now)
        return Finding("tables", "ok", f"from revision {before or 'none'} to {NEWEST}{kept}")
    finally:
        database.close()
