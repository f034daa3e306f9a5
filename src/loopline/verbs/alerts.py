"""alerts: what monitors saw."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.alert import Alert
from loopline.verbs.paging import at_most


def alerts(
    loop: Loop,
    service: Annotated[str, "service/delay@prod; every service when left out"] = "",
    *,
    open: Annotated[bool, "only what is not over yet"] = False,  # noqa: A002 (the word people use)
    after: Annotated[str, "go on behind this: what an answer gave as its `next`"] = "",
    limit: Annotated[int, "how many at most"] = 20,
) -> tuple[Alert, ...]:
    """Tell what monitors of services saw, newest first: since when, under which change, who knows.

    Example:
        loopline alerts service/delay@prod --open
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        return tuple(tx.alerts.list(loop.project, service=service, open_only=open, limit=limit, after=after))
