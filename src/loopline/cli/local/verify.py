"""verify: whether all is there, and putting back what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.finding import Finding


def verify(
    where: Place,
    *,
    deep: Annotated[bool, "read every byte again and compare its digest"] = False,
    level: Annotated[
        int, "how far: 0 the feed and roots, 1 nodes of trees, 2 every file with its size, 3 as --deep"
    ] = 2,
    sample: Annotated[str, "read a share of the blobs again, others each time: 2%"] = "",
    part: Annotated[str, "read one of equal parts of the blobs again: 3/10"] = "",
    repair: Annotated[Path | None, "put back what is bad, read from another store or from a folder of files"] = None,
) -> tuple[Finding, ...]:
    """Check the feed's chain, and that every blob of every version is there (with --deep: and unchanged).

    What is damaged is named with the versions and refs that it touches. With --repair damaged bytes are moved to `damaged/`
    in the store, and whole ones put in their place.

    Example:
        loopline verify --deep
        loopline verify --sample 2%
        loopline verify --deep --repair /backups/flights
    """
    from loopline.verbs.verify import verify as look

    if repair is None:
        found: tuple[Finding, ...] = where.client.do(look, deep=deep, level=level, sample=sample, part=part)
        return found
    if where.options.dry or sample or part:
        raise Invalid(
            "a repair looks at all, and does it", kind="bad-value", hint="leave --sample, --part and --dry-run out"
        )
    from loopline.verbs.repairing import repair as put_back
    from loopline.verbs.verify import How
    from loopline.wiring import folder_store, open_loop

    loop = open_loop(where.settings, report=where.report)
    try:
        return put_back(loop, repair, store=folder_store, how=How(3 if deep else level))
    finally:
        loop.ledger.close()
