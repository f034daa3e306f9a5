"""traffic: how much a service is asked, and how it keeps up."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.nouns.traffic import Bucket
from loopline.verbs.instants import instant
from loopline.verbs.recorded import known, signals_of

NONE: Final = timedelta()
DAY: Final = 86_400_000_000
PIECES: Final = 48
"""Pieces of an answer, about, where nobody says how long one is."""
MOST: Final = 10_000
"""Pieces of one answer."""
_LENGTHS: Final = tuple(
    seconds * 1_000_000
    for seconds in (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
)


def traffic(
    loop: Loop,
    ref: Annotated[RefName, "service/delay@prod"],
    *,
    since: Annotated[
        int | None,
        "first recorded time: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds; a day ago when left out",
        instant,
    ] = None,
    until: Annotated[int | None, "recorded time before which it lies; now when left out", instant] = None,
    window: Annotated[timedelta, "how long a piece is; 0: as long as makes about 48 of them"] = NONE,
) -> tuple[Bucket, ...]:
    """Tell how much a service was asked, by time and arm: requests, rows, errors, what it refused, and how long answers took.

    It goes by the time at which a request came, not by the time that it is about. A piece in which an arm was asked nothing is
    left out. What is not recorded, by sampling or because the buffer was full, is not counted.

    Example:
        loopline traffic service/delay@prod --since 2026-07-01 --window 1h
    """
    from loopline.signals import queries

    until = loop.clock.now() + 1 if until is None else until
    since = until - DAY if since is None else since
    step = window // timedelta(microseconds=1) or length_for(until - since)
    if since >= until or step <= 0:
        raise Invalid(
            "nothing lies in that time", kind="bad-value", hint="write for example --since 2026-07-01 --window 1h",
            since=since, until=until, window=window.total_seconds(),
        )  # fmt: skip
    start = since // step * step
    if (until - start) // step > MOST:
        raise Invalid(
            f"there are more than {MOST:,} pieces", kind="too-many-cells", hint="take a longer --window", most=MOST
        )
    folder = signals_of(loop, ref)
    known(loop, ref, folder)
    return queries.traffic(folder, start, until, step)


def length_for(whole: int) -> int:
    """Give a round length of which about PIECES go into a time."""
    return next((one for one in _LENGTHS if one * PIECES >= whole), _LENGTHS[-1])
