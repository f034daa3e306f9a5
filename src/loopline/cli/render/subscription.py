"""subscription: who is told of events, how far they are, and what did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import status, when, who
from loopline.cli.text import aligned, clean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.subscription import Delivery, Subscription


def list_of_subscription(values: Sequence[Subscription], screen: Screen) -> Iterator[str]:
    """Draw one line a subscription: how it stands, how far behind it is, what could not be delivered."""
    rows = [
        [
            screen.paint("name", clean(one.name)),
            status(_state(one), screen),
            f"{one.lag} behind" if one.lag else "",
            f"{one.dead} dead" if one.dead else "",
            f"last {when(one.delivered_at, screen)}" if one.delivered_at else "nothing yet",
            who(one.created_by),
            clean(" ".join(one.kinds)),
            clean(one.url),
            clean(one.error),
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def list_of_delivery(values: Sequence[Delivery], screen: Screen) -> Iterator[str]:
    """Draw one line a try: which event, to whom, when, and what came of it."""
    rows = [
        [
            f"#{one.seq}",
            screen.paint("name", clean(one.subscription)),
            status(one.state, screen),
            when(one.at, screen),
            plural(one.attempt, "try"),
            str(one.status or "–"),
            clean(one.error),
        ]
        for one in values
    ]
    yield from aligned(rows, right={0}, width=screen.width)


def _state(one: Subscription) -> str:
    if one.paused_at:
        return "paused"
    return "failing" if one.failures else "open"
