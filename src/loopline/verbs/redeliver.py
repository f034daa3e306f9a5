"""redeliver: try again what could not be delivered."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import NotFound
from loopline.loop import Loop
from loopline.nouns.subscription import Subscription


def redeliver(
    loop: Loop,
    name: Annotated[str, "what the subscription is called"],
    seq: Annotated[int | None, "number of one event that was given up; all of them when left out"] = None,
) -> Subscription:
    """Try dead events once more, out of order, and resume a subscription that is paused or waits for its next try.

    Example:
        loopline redeliver chat.example.org 41
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        one = tx.subscriptions.get(loop.project, name)
        count = tx.subscriptions.again(one, seq)
        if seq is not None and not count:
            raise NotFound(
                f"event {seq} is not dead for {name}", kind="no-dead-event", hint="loopline find deliveries --open", name=name,
                seq=seq,
            )  # fmt: skip
        resumed = tx.subscriptions.resume(one)
        tx.say("subscription.resumed" if resumed else "delivery.asked", name, events=count, seq=seq)
        return tx.subscriptions.get(loop.project, name)
