"""gc: give back the room of what nothing names any more."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.nouns.reclaim import Reclaim


def gc(
    where: Place,
    *,
    keep: Annotated[int, "days for which what was deleted stays whole"] = 30,
) -> Reclaim:
    """Tell which bytes nothing names any more, whose they were, and how many they are. Nothing is changed.

    Example:
        loopline gc
    """
    from loopline.verbs.reclaiming import DAY, rehearse
    from loopline.wiring import open_loop

    loop = open_loop(where.settings, report=where.report)
    try:
        return rehearse(loop, keep=keep * DAY)
    finally:
        loop.ledger.close()
