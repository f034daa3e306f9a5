"""acknowledge: say that somebody is on it."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.alert import Alert


def acknowledge(
    loop: Loop,
    alert: Annotated[str, "first digits of the alert"],
    *,
    note: Annotated[str, "what you know about it"] = "",
) -> Alert:
    """Say that you have seen an alert and see to it. It goes on until its monitor is content.

    Whoever was first stays.

    Example:
        loopline acknowledge 019ac3f2 --note "The weather feed is late."
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = tx.alerts.get(loop.project, alert)
        seen = tx.alerts.acknowledge(found, str(loop.actor))
        tx.say(
            "alert.acknowledged", seen.id, service=seen.service, monitor=seen.monitor, by=seen.acknowledged_by, note=note,
            silenced=seen.silenced,
        )  # fmt: skip
    return seen
