"""history: how something came to be what it is."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.change import Moved
from loopline.nouns.name import Named, RefName, parse_asset, parse_pointer
from loopline.nouns.version import Version
from loopline.verbs.paging import at_most


def history(
    loop: Loop,
    what: Annotated[str, "an asset (its versions) or a ref (its moves)"],
    *,
    after: Annotated[int | None, "go on behind this version's or event's number"] = None,
    limit: Annotated[int, "how many at most"] = 20,
) -> tuple[Version, ...] | tuple[Moved, ...]:
    """Tell the versions of an asset or the moves of a ref, newest first.

    Example:
        loopline history model/delay@champion
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        if "@" in what:
            pointer = parse_pointer(what, project=loop.project)
            if isinstance(pointer.revision, Named):
                ref = RefName(pointer.asset, pointer.revision.ref)
                moves = tx.changes.history(ref, before=2**62 if after is None else after, limit=limit)
                if not moves and after is None:
                    tx.refs.get(ref)
                return tuple(moves)
            version = tx.versions.resolve(pointer)
            start = version.number + 1 if after is None else min(after, version.number + 1)
            return tuple(tx.versions.list(version.asset, before=start, limit=limit))
        return tuple(tx.versions.list(parse_asset(what, project=loop.project), before=after, limit=limit))
