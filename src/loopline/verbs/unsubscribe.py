"""unsubscribe: tell somebody nothing more."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.subscription import Subscription


def unsubscribe(
    loop: Loop,
    name: Annotated[str, "what the subscription is called"],
) -> Subscription:
    """End a subscription. What was not delivered yet is not delivered any more.

    Example:
        loopline unsubscribe chat.example.org
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        one = tx.subscriptions.get(loop.project, name)
        tx.subscriptions.remove(one)
        tx.say("subscription.ended", name, url=one.url, position=one.position)
    return one
