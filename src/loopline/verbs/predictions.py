"""predictions: what a service has answered, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.nouns.prediction import Prediction
from loopline.verbs.instants import instant
from loopline.verbs.paging import at_most
from loopline.verbs.recorded import known, signals_of

NOTHING: Mapping[str, str] = {}


def predictions(
    loop: Loop,
    ref: Annotated[RefName, "service/delay@prod"],
    *,
    id: Annotated[str, "of one prediction, or of a request: all its rows"] = "",  # noqa: A002 (the word people use)
    unit: Annotated[str, "whom it is about"] = "",
    arm: Annotated[str, "which arm answered"] = "",
    status: Annotated[int | None, "as in HTTP: 200, 503"] = None,
    since: Annotated[
        int | None, "first event time: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds", instant
    ] = None,
    until: Annotated[int | None, "event time before which it lies", instant] = None,
    where: Annotated[Mapping[str, str], "values of columns: carrier=UA out.predict=1"] = NOTHING,
    limit: Annotated[int, "how many"] = 50,
    after: Annotated[str, "the `next` of the page before"] = "",
) -> tuple[Prediction, ...]:
    """List predictions of a service with their labels, newest event first. What was answered a moment ago is among them.

    Example:
        loopline predictions service/delay@prod --where carrier=UA --since 2013-07-01 --limit 5
    """
    from loopline.signals.queries import Filter, find

    at_most(limit)
    folder = signals_of(loop, ref)
    known(loop, ref, folder)
    wanted = Filter(id=id, unit=unit, arm=arm, status=status, start=since, end=until, where=where)
    return find(folder, str(ref), wanted, limit=limit, after=after)
