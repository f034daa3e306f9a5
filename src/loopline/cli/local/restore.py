"""restore: a backup becomes a ledger again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.finding import Finding


def restore(
    where: Place,
    source: Annotated[Path, "what `loopline backup` wrote"],
    *,
    at: Annotated[str, "beginning of the time of an older backup: 20260704T"] = "",
) -> tuple[Finding, ...]:
    """Put a backup into an empty home, or an empty database and store that the settings name, and verify it.

    Where there is a ledger already it is refused. What was interrupted can be done again.

    Example:
        loopline restore /backups/flights --home /srv/loopline
    """
    from dataclasses import replace

    from loopline.verbs.copying import restore as put_back
    from loopline.verbs.verify import verify
    from loopline.wiring import folder_store, open_blobs, open_loop, open_rows

    if where.options.dry:
        raise Invalid("restoring cannot be rehearsed", kind="no-dry-run", hint="restore into another --home")
    settings = where.settings
    database = open_rows(settings)
    try:
        said = put_back(database, open_blobs(settings), source, store=folder_store, at=at, report=where.report)
    finally:
        database.close()
    loop = open_loop(settings, report=where.report)
    try:
        with loop.ledger.read() as tx:
            projects = tx.projects.list()
        looked = (
            replace(one, name=f"{project}: {one.name}")
            for project in projects
            for one in verify(replace(loop, project=project))
        )
        return (*said, *looked)
    finally:
        loop.ledger.close()
