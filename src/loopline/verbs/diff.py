"""diff: what differs between two versions."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.comparison import Comparison
from loopline.nouns.name import Pointer
from loopline.verbs.comparing import FILES, compare
from loopline.verbs.paging import HELD, at_most


def diff(
    loop: Loop,
    old: Annotated[Pointer, "the version to start from"],
    new: Annotated[Pointer, "the version to go to"],
    *,
    rows: Annotated[bool, "compare tables row by row"] = False,
    lines: Annotated[bool, "compare code and other texts line by line"] = False,
    limit: Annotated[int, "how many differing files to list"] = FILES,
) -> Comparison:
    """Compare two versions: files, rows, params, metrics, data, code and environment.

    Example:
        loopline diff data/flights@1 data/flights@2 --rows
    """
    if old.asset.kind != new.asset.kind:
        raise Invalid(
            f"{old.asset} and {new.asset} are of different kinds",
            kind="kinds-differ",
            hint="compare data with data, models with models",
        )
    at_most(limit, most=HELD, paged=False)
    with loop.ledger.read() as tx:
        before, after = tx.versions.resolve(old), tx.versions.resolve(new)
    return compare(loop, before, after, asked="diff", rows=rows, lines=lines, limit=limit)
