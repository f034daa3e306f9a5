"""insights: how delivery goes, and where its time goes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loopline.errors import Invalid
from loopline.insights import learning
from loopline.insights.calendar import Window, days_back, young
from loopline.insights.dora import Deployment, LaneName, five_keys
from loopline.insights.flow import Way, by_lane, wait_share
from loopline.insights.friction import Work, measures
from loopline.insights.maturity import maturity
from loopline.insights.survey import perceived, periods
from loopline.loop import Loop
from loopline.nouns.insight import Delivered, Insights, Lane, Measure, Stream
from loopline.verbs.instants import instant
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.ledger.effort import Effort
    from loopline.verbs.measuring import History

WEEK: Final = timedelta(days=7)
MOST_DAYS: Final = 36_500
FAR: Final = 100_000_000_000_000_000
"""Beyond this a time has no date."""
EARLY: Final = -58_000_000_000_000_000
"""Before this, in the year 132, one may have none in some zone, or MOST_DAYS before it."""
LEAD: Final[Mapping[LaneName, str]] = {
    "code": "of commits; a source tree counts from when the ledger first saw it",
    "data": "of data commits",
    "model": "of models, from when each was published",
}
"""What a unit of change is, by lane."""


def insights(
    loop: Loop,
    *,
    since: Annotated[int | None, "from when: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds", instant] = None,
    until: Annotated[int | None, "up to when; now when left out, or later", instant] = None,
    days: Annotated[
        int, "where --since is left out: how many whole days, today beside them; none before the project was made"
    ] = 90,
    timezone: Annotated[str, "the zone of the team, for its days and weeks"] = "UTC",
    horizon: Annotated[timedelta, "how old a deployment must be to count for the fail rate"] = WEEK,
    limit: Annotated[int, "how many ids are told behind each number"] = 20,
) -> Insights:
    """Measure delivery: the five keys of code, data and models, where changes spend their time, what working here is like.

    Every number is one of the team: none is computed for a person. Each comes with its n and the list it was computed from; what
    the ledger does not know is said to be not known, with the reason.

    Example:
        loopline insights --days 30 --timezone Europe/Berlin
    """
    at_most(limit, paged=False)
    from loopline.ledger.delivery import Delivery
    from loopline.ledger.effort import Effort
    from loopline.verbs.measuring import LANES, History
    from loopline.verbs.practising import seen
    from loopline.verbs.respond import people

    with _uncollected(), loop.ledger.read() as tx:
        effort = Effort(tx.rows, loop.project)
        begun, _ = effort.begun()
        window = _window(tx.now, since, until, Asked(days, timezone, horizon, limit, begun))
        history = History(Delivery(tx.rows, loop.project), window)
        streams = by_lane(ways(history, window), history.lanes_of, window)
        lanes = tuple(_lane(history, lane, window) for lane in LANES)
        return Insights(
            loop.project, window.since, window.until, window.now, window.zone, lanes,
            learning=_learning(history, window),
            streams=streams,
            friction=measures(_work(history, effort, streams[0], window), window),
            maturity=maturity(seen(tx, loop, history, effort, window), tx.assessments.newest(loop.project)),
            survey=perceived(tx.responses.counts(loop.project, periods(window)), len(people(tx, loop.project)) or None, tx.now),
            begun=begun, young=young(begun, window.now),
        )  # fmt: skip


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the collector of cycles rest: it would walk a million rows again and again, which are none.

    Reference counts free them as ever. What others of this process leave behind in the meantime is collected afterwards.
    """
    if not gc.isenabled():  # somebody wants it so, or measures as well
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Asked(NamedTuple):
    """How a window was asked for."""

    days: int
    timezone: str
    horizon: timedelta
    limit: int
    begun: int | None
    """When the project was made."""


def _window(now: int, since: int | None, until: int | None, asked: Asked) -> Window:
    try:
        zone = ZoneInfo(asked.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            f"{asked.timezone!r} is no time zone",
            kind="bad-value",
            hint="write for example Europe/Berlin",
            value=asked.timezone,
        ) from None
    if not 0 <= asked.days <= MOST_DAYS:
        raise Invalid(f"{asked.days} days", kind="bad-value", hint=f"give 0 to {MOST_DAYS}", value=asked.days)
    end = now + 1 if until is None else until
    if not EARLY < end < FAR:
        raise _no_window(since or 0, end)
    if since is not None and now < since and (until is None or since < end):
        raise Invalid(
            "it begins in the future", kind="in-the-future", hint="give --since a time that has passed", since=since
        )
    end = min(end, now + 1)  # what is still to come is no time in which nothing happened
    begin = _back(end, asked, zone) if since is None else since
    if not EARLY < begin < end:
        raise _no_window(begin, end)
    return Window(begin, end, now, asked.timezone, max(0, asked.horizon // timedelta(microseconds=1)), asked.limit)


def _back(end: int, asked: Asked, zone: ZoneInfo) -> int:
    """Give the beginning of so many days before the end: a young project is not measured on days before it was there."""
    begin = days_back(end, asked.days, zone)
    first = days_back(asked.begun, 0, zone) if asked.begun is not None and asked.begun < end else begin
    return max(begin, first)


def _no_window(since: int, until: int) -> Invalid:
    return Invalid(
        "a window must end behind its beginning, in times that have a date", kind="bad-value", hint="write for example --days 30",
        since=since, until=until,
    )  # fmt: skip


def _lane(history: History, name: LaneName, window: Window) -> Lane:
    record = history.record(name)
    refs: dict[str, list[Deployment]] = {ref: [] for ref in history.refs(name)}
    for one in record.deployments:
        refs[one.ref].append(one)
    together = five_keys(record, window, lead=LEAD[name])
    if len(refs) == 1:
        return Lane(name, together, (Delivered(next(iter(refs)), together),))
    alone = [(ref, replace(record, deployments=some)) for ref, some in refs.items()]
    return Lane(name, together, tuple(Delivered(ref, five_keys(one, window, lead=LEAD[name])) for ref, one in alone))


def _learning(history: History, window: Window) -> tuple[Measure, ...]:
    return (
        learning.data_to_decision(history.used(), window),
        learning.staleness(history.serving(), window),
        learning.retrain(history.retrained(), window),
        learning.detection(history.bad(), window),
        learning.evidence_age([(row[0], row[2], row[5]) for row in history.verdicts], window),
        learning.rollback_distance(history.rollbacks(), window),
    )


def _work(history: History, effort: Effort, stream: Stream, window: Window) -> Work:
    span = (window.since, window.until)
    made, green = effort.begun()
    return Work(
        made, green, effort.newcomers(*span), effort.feedback(*span),
        [(row[0], row[1], row[2], row[3], row[4]) for row in history.verdicts],
        effort.queued(*span), effort.repeated(*span), effort.rechecked(*span), effort.cached(*span), effort.steps(*span),
        effort.responded(*span),
        applied=history.forward, reverted=history.taken_back(), approvals=sum(row[3] for row in history.answers),
        waited=wait_share(stream), reproduced=effort.reproduced(*span), unplanned=effort.unplanned(*span),
    )  # fmt: skip


def ways(history: History, window: Window) -> list[Way]:
    """Give the way of every change that was applied in the window."""
    span, delivery = (window.since, window.until), history.delivery
    begun: dict[str, tuple[int, int, int]] = {}
    runs: dict[str, list[tuple[int, int]]] = {}
    for change, created, closed, recorded, start, end in delivery.proposed(*span):
        first = begun[change][0] if change in begun else created
        if recorded is not None and recorded < first:
            first = recorded
        if start is not None:
            first = min(first, start)
            if end is not None:
                runs.setdefault(change, []).append((start, end))
        begun[change] = (first, created, closed)
    for change, start, end in delivery.checking(*span):
        runs.setdefault(change, []).append((start, end))
    answered = {row[0]: row[2] for row in history.answers}
    rolling: dict[str, int] = {}
    for change, at in history.rolling:
        rolling[change] = min(rolling.get(change, at), at)
    return [
        Way(
            change, first, created, closed, tuple(runs[change]) if change in runs else (), answered.get(change),
            rolling.get(change),
        )
        for change, (first, created, closed) in begun.items()
    ]  # fmt: skip
