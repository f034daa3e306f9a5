"""diff: what differs between two versions."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.comparison import Comparison
from loopline.nouns.name import Pointer
from loopline.verbs.comparing import FILES, Page, compare
from loopline.verbs.paging import HELD, MOST, at_most, numbered


def diff(
    loop: Loop,
    old: Annotated[Pointer, "the version to start from"],
    new: Annotated[Pointer, "the version to go to"],
    *,
    rows: Annotated[bool, "compare tables row by row"] = False,
    lines: Annotated[bool, "compare code and other texts line by line"] = False,
    table: Annotated[str, "list the rows of one table that differ, page by page; as --rows names it"] = "",
    after: Annotated[str, "the `next` of the page before"] = "",
    limit: Annotated[int, "how many differing files to list, or rows of the table"] = FILES,
) -> Comparison:
    """Compare two versions: files, rows, params, metrics, data, code and environment.

    Example:
        loopline diff data/flights@1 data/flights@2 --rows
        loopline diff data/flights@1 data/flights@2 --table '*.csv' --limit 50
    """
    if old.asset.kind != new.asset.kind:
        raise Invalid(
            f"{old.asset} and {new.asset} are of different kinds",
            kind="kinds-differ",
            hint="compare data with data, models with models",
        )
    at_most(limit, most=MOST if table else HELD, paged=bool(table))
    if after and not table:
        raise Invalid("--after goes on within a table", kind="no-table", hint="name it: --table NAME", after=after)
    page = Page(table, numbered(after) or 0, limit) if table else None
    with loop.ledger.read() as tx:
        sides = tx.versions.resolve(old), tx.versions.resolve(new)
    return compare(loop, *sides, asked="diff", rows=rows, lines=lines, limit=limit, page=page)
