"""pause: hold a rollout where it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from loopline.errors import Conflict
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.rolling import Action
from loopline.nouns.rollout import Rollout
from loopline.rollout.machine import follow
from loopline.verbs.rolling import find_rolling, say


def pause(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or the deployment: service/delay@prod"],
    *,
    why: Annotated[str, "the reason"] = "",
) -> Rollout:
    """Hold a rollout where it is: only what is found to be worse still ends it.

    Example:
        loopline pause service/delay@prod --why "the weather office has an outage"
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = find_rolling(tx, loop, change)
        if found.progress.state == "paused":
            raise Conflict(
                f"change {brief(found.change)} is paused already", kind="rollout-paused",
                hint=f"loopline resume {brief(found.change)}", change=found.change,
            )  # fmt: skip
        here, judged = found.progress, found.judged
        units = sum(judged.units) if judged and judged.step == here.step else 0
        action = Action("pause", here.weight, here.step, why or f"paused by {loop.actor}", units)
        after = tx.rollouts.keep(found, replace(found, progress=follow(here, action, tx.now)))
        say(tx, "rollout.paused", after)
        return after
