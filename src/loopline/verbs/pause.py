"""pause: hold a rollout where it is."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.rolling import Rollout
from loopline.verbs.rolling import find_rolling, say, stood


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
        after = tx.rollouts.keep(found, stood(found, "paused", why or f"paused by {loop.actor}"))
        say(tx, "rollout.paused", after)
        return after
