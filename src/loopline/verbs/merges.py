"""merges: merges that wait, and what clashes in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.loop import Loop
from loopline.nouns.merge import Clash, Merge
from loopline.nouns.name import RefName
from loopline.verbs.merge import found
from loopline.verbs.merging import counted, sides_of, weigh
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.verbs.merging import Weighed


def merges(
    loop: Loop,
    ref: Annotated[
        RefName | None, "the ref of a merge: what clashes in it, path by path; without it, every open merge"
    ] = None,
    *,
    itself: Annotated[bool, "-d", "the merge of the ref itself, not its paths"] = False,
    left: Annotated[bool, "only paths that nothing was taken for yet"] = False,
    prefix: Annotated[str, "only paths that begin so"] = "",
    after: Annotated[str, "go on behind this path"] = "",
    limit: Annotated[int, "how many at most"] = 1000,
) -> tuple[Merge, ...] | tuple[Clash, ...]:
    """List merges that wait, or the paths that clash in one, with what each side has there and what was taken.

    Example:
        loopline merges data/flights@main
    """
    at_most(limit)
    if ref is not None:
        merge, weighed = stands(loop, found(loop, ref))
        if itself:
            return (merge,)
        some = (one for one in weighed.clashes if one.path > after and one.path.startswith(prefix))
        return tuple(one for one in some if not (left and one.taken))[:limit]
    with loop.ledger.read() as tx:
        open_ones = tx.merges.list(loop.project, limit=limit)
    return tuple(stands(loop, one)[0] for one in open_ones)


def stands(loop: Loop, merge: Merge) -> tuple[Merge, Weighed]:
    """Tell where a merge stands that waits, without writing anything: as of the versions that it was begun with."""
    with loop.ledger.read() as tx:
        sides, taken = sides_of(tx, merge), tx.merges.taken(merge.id)
    weighed = weigh(loop, sides, taken, driving=False, writing=False)
    return counted(merge, weighed), weighed
