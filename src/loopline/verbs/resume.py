"""resume: let a rollout go on."""

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


def resume(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or the deployment: service/delay@prod"],
    *,
    why: Annotated[str, "the reason"] = "",
) -> Rollout:
    """Let a rollout that was paused go on from where it is.

    It gets all its time again: the step's, and that of the rollout.

    Example:
        loopline resume service/delay@prod
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = find_rolling(tx, loop, change)
        if found.progress.state != "paused":
            raise Conflict(
                f"change {brief(found.change)} is not paused", kind="rollout-not-paused",
                hint=f"loopline rollouts {brief(found.change)}", change=found.change,
            )  # fmt: skip
        here = found.progress
        action = Action("resume", here.weight, here.step, why or f"resumed by {loop.actor}")
        after = tx.rollouts.keep(found, replace(found, progress=follow(here, action, tx.now)))
        say(tx, "rollout.resumed", after)
        return after
