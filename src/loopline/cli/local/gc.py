"""gc: give back the room of what nothing names any more."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.reclaim import Reclaim


def gc(
    where: Place,
    *,
    apply: Annotated[
        bool, "do it: note what is dead, and move to the trash what was dead in an earlier run (so does --yes)"
    ] = False,
    restore: Annotated[int | None, "take back what this reclaim has moved; 0: the newest"] = None,
    empty_trash: Annotated[bool, "forget for good what has been in the trash for its days"] = False,
    keep: Annotated[int, "days for which what was deleted stays whole"] = 30,
    after: Annotated[int, "hours by which the earlier run must be older"] = 24,
    trash: Annotated[int, "days for which the trash is kept"] = 7,
) -> Reclaim:
    """Tell which bytes nothing names any more, whose they were, and how many they are. Without --apply nothing is changed.

    What is moved to the trash is still found by whoever asks for it. It takes two runs: the first notes, a later one moves.

    Example:
        loopline gc
        loopline gc --apply
        loopline gc --empty-trash
    """
    from loopline.verbs import condemning
    from loopline.verbs.reclaiming import DAY, rehearse
    from loopline.wiring import open_loop

    if min(keep, after, trash) < 0:
        raise Invalid("a time before now is none", kind="bad-value", hint="write a number from 0")
    if restore is not None and (empty_trash or apply):
        raise Invalid("--restore goes alone", kind="bad-value", hint="loopline gc --restore NUMBER")
    does = apply or empty_trash or restore is not None or where.options.yes
    loop = open_loop(where.settings, report=where.report)
    try:
        if where.options.dry or not does:
            return rehearse(loop, keep=keep * DAY)
        terms = condemning.Terms(keep=keep * DAY, after=after * DAY // 24, trash=trash * DAY)
        if restore is not None:
            return condemning.restore(loop, restore or None)
        return condemning.empty(loop, terms) if empty_trash else condemning.collect(loop, terms)
    finally:
        loop.ledger.close()
