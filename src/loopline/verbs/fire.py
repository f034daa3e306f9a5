"""fire: a trigger, because somebody asks."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.firing import Firing
from loopline.verbs.firing import Cause
from loopline.verbs.firing import fire as do
from loopline.verbs.ticking import declared_triggers, no_trigger


def fire(
    loop: Loop,
    trigger: Annotated[str, "name of a trigger"],
    *,
    why: Annotated[str, "for whoever wonders later"] = "",
) -> Firing:
    """Fire a trigger now, as if its time or its cause had come: to try it, or to make up for something.

    What follows is done by the trigger, not by you, and is counted among what it may do in its time. Where a policy wants an
    approval of somebody else than the author, yours does not count. With --dry-run it only tells what would follow.

    Example:
        loopline fire retrain --why "The drift of June came before there was a trigger."
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        declared = {one.name: one for one in declared_triggers(tx, loop)}
        if trigger not in declared:
            raise no_trigger(trigger, declared)
        said = f"{loop.actor} asked for it" + (f": {why}" if why.strip() else "")
        return do(tx, loop, declared[trigger], Cause(f"asked:{loop.ids.new()}:{loop.actor}", said))
