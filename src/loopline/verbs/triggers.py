"""triggers: what follows what."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.firing import Armed, Firing
from loopline.nouns.trigger import OnMissing, OnTime
from loopline.verbs.paging import at_most
from loopline.verbs.ticking import declared_triggers, no_trigger

TICKER = "ticker"
"""The lease of who ticks (`server/ticker.py`)."""


def triggers(
    loop: Loop,
    trigger: Annotated[str, "name of a trigger, of which the firings are told; all triggers when left out"] = "",
    *,
    limit: Annotated[int, "how many firings at most"] = 20,
) -> tuple[Armed, ...] | tuple[Firing, ...]:
    """List triggers: what each waits for and does, when it last fired and when its time comes next; or the firings of one.

    Example:
        loopline triggers
        loopline triggers retrain
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        if trigger:
            fired = tuple(tx.firings.list(loop.project, trigger=trigger, limit=limit))
            declared = [one.name for one in declared_triggers(tx, loop)]
            if not fired and trigger not in declared:
                raise no_trigger(trigger, declared)
            return fired
        marks, looked_at = tx.firings.marks(loop.project), tx.leases.held(TICKER)
        found = []
        for one in declared_triggers(tx, loop):
            last = next(iter(tx.firings.list(loop.project, trigger=one.name, limit=1)), None)
            mark, on, moment = marks.get(one.name), one.on, None
            if isinstance(on, (OnTime, OnMissing)):
                from loopline.triggers.moments import following

                moment = following(on.cron, on.zone, tx.now)
            found.append(
                Armed(
                    one.name, str(on), str(one.do), str(one.at_most or ""), last.fired_at if last else None, last, moment,
                    mark.held if mark else 0, mark.held_why if mark else "", looked_at,
                )
            )  # fmt: skip
    return tuple(found)
