"""drift: how far a service's traffic is from what its model was trained on."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from loopline.errors import NotFound
from loopline.loop import Loop
from loopline.nouns.drift import Drift
from loopline.nouns.name import RefName
from loopline.nouns.service import Monitor
from loopline.verbs.looking import answering, deployed, drift_of, newest_event


def drift(
    loop: Loop,
    service: Annotated[RefName, "service/delay@prod"],
    *,
    window: Annotated[timedelta, "how much of event time"] = timedelta(days=1),
    until: Annotated[
        int | None, "end of the window, microseconds since the epoch; the newest event when left out"
    ] = None,
    arm: Annotated[str, "the arm; the one with most of the traffic when left out"] = "",
    columns: Annotated[tuple[str, ...], "columns to compare; all when left out"] = (),
    rows: Annotated[int, "with fewer rows there is no verdict"] = 500,
    effect: Annotated[float, "distance from which on a column has moved"] = 0.1,
    q: Annotated[float, "share of false alarms that is allowed"] = 0.01,
) -> Drift:
    """Compare what a service was asked, and answered, with what its model was trained on, column by column.

    A column has moved where both its distance and its q-value reach the bounds. The answer tells distances, not causes.

    Example:
        loopline drift service/delay@prod --window 7d
    """
    with loop.ledger.read() as tx:
        here = deployed(tx, loop, service)
    chosen = answering(here.service, arm)
    if until is None:
        newest = newest_event(here, loop.clock.now())
        if newest is None:
            raise NotFound(
                f"{service} has no predictions on this machine", kind="no-predictions",
                hint="ask it something first, on the machine that serves it", service=str(service),
            )  # fmt: skip
        until = newest + 1
    span = (until - round(window.total_seconds() * 1e6), until)
    monitor = Monitor("drift", "drift", window=window, rows=rows, bounds={"effect": effect, "q": q}, columns=columns)
    return drift_of(loop, here, chosen, span, monitor)
