"""backup: a copy of everything, while others work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.finding import Finding


def backup(
    where: Place,
    to: Annotated[Path, "a folder, where a later backup copies only what is new; or a new file that ends in .tar"],
    *,
    keep: Annotated[int, "how many backups of the rows the folder keeps"] = 7,
    deep: Annotated[bool, "read what was copied before again, and mend it"] = False,
) -> tuple[Finding, ...]:
    """Copy the ledger and every byte, as of one moment, while others go on. The copy is verified.

    It is the same for SQLite and PostgreSQL, a folder and an object store: `loopline restore` puts it into any of them. Tokens
    are in it as hashes; it is readable for you alone.

    Example:
        loopline backup /backups/flights
    """
    from loopline.verbs.copying import back_up, back_up_file
    from loopline.wiring import folder_store, open_loop

    if keep < 1:
        raise Invalid(f"{keep} backups are none", kind="bad-value", hint="write a number from 1")
    if where.options.dry:
        raise Invalid(
            "a backup cannot be rehearsed", kind="no-dry-run", hint="loopline verify looks and writes nothing"
        )
    loop = open_loop(where.settings, report=where.report)
    try:
        if to.suffix == ".tar":
            return back_up_file(loop, to)
        return back_up(loop, to, store=folder_store, keep=keep, deep=deep)
    finally:
        loop.ledger.close()
