"""series: the points behind a curve."""

from __future__ import annotations

from typing import Annotated, Final

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.series import Series
from loopline.verbs.decimating import decimated
from loopline.verbs.paging import HELD, at_most

MOST: Final = 10
"""Runs that can be asked about at once."""


def series(
    loop: Loop,
    runs: Annotated[tuple[str, ...], "first digits of runs, up to 10"],
    *,
    keys: Annotated[tuple[str, ...], "which metrics; all of them when left out"] = (),
    points: Annotated[int, "how many points of each series at most; what is left out changes no shape"] = 1000,
    since: Annotated[int | None, "first step"] = None,
    until: Annotated[int | None, "last step"] = None,
) -> tuple[Series, ...]:
    """Give metric points of runs, with their steps and times, thinned out where there are many.

    Example:
        loopline series 019f1 --key loss --points 200
    """
    at_most(points, most=HELD, paged=False)
    if not 0 < len(runs) <= MOST:
        raise Invalid(
            f"{len(runs)} runs were named", kind="too-many-runs", hint=f"name 1 to {MOST} runs", runs=len(runs)
        )
    low, high = -(2**62) if since is None else since, 2**62 if until is None else until
    found = []
    with loop.ledger.read() as tx:
        for name in dict.fromkeys(runs):
            run = tx.runs.resolve(loop.project, name).id
            there = tx.metrics.keys(run)
            for key in keys or there:
                if key in there:
                    rows = tx.metrics.between(run, key, low, high)
                    found.append(_thinned(run, key, rows, max(points, 3)))
    return tuple(found)


def _thinned(run: str, key: str, rows: list[tuple[float, int, int]], points: int) -> Series:
    values = [row[0] for row in rows]
    kept = decimated([row[1] for row in rows], values, points)
    if len({rows[i][1] for i in kept}) < len(kept) / 2:  # logged without steps: their times tell them apart
        kept = decimated([row[2] for row in rows], values, points)
    return Series(
        run, key, tuple(rows[i][1] for i in kept), tuple(rows[i][2] for i in kept), tuple(values[i] for i in kept), len(rows)
    )  # fmt: skip
