"""tracefinding: traces that somebody looks for, and one with all that belongs to it; shared by `find`, `show` and the pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.errors import NotFound
from loopline.ledger.traces import RUN
from loopline.ledger.tracesearch import Composer, read
from loopline.nouns.query import ATTRIBUTE, Clause
from loopline.nouns.trace import Trace, TraceState, WholeTrace
from loopline.verbs.paging import no_place

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop

_OPEN = Clause(ATTRIBUTE, "state", "in", (str(TraceState.RUNNING), str(TraceState.UNKNOWN)))


def traces_found(
    loop: Loop, where: str = "", *, open_only: bool = False, after: str = "", limit: int = 20
) -> tuple[Trace, ...]:
    """Give traces of experiments that are not deleted, the newest first; `after` is the id of one to go on behind.

    Raise Invalid for a filter that is unclear.
    """
    wanted = [*read(where), *([_OPEN] if open_only else ())]
    with loop.ledger.read() as tx:
        wanted = [_pointed(tx, loop.project, one) for one in wanted]
        last = tx.traces.find(loop.project, after) if after else None
        if after and last is None:
            raise no_place(after)
        composer = Composer(tx.rows.dialect)
        found = composer.compose(loop.project, None, wanted, behind=(last.time, last.id) if last else None)
        return tuple(tx.traces.search(found.where, found.values, order=found.order, limit=limit))


def _pointed(tx: Tables, project: str, one: Clause) -> Clause:
    """Name a run by its whole id."""
    if (one.part, one.key) != ("link", RUN):
        return one
    try:
        return replace(one, value=tx.runs.resolve(project, str(one.value), deleted=True).id)
    except NotFound:
        return one


def whole(tx: Tables, trace: Trace) -> WholeTrace:
    """Give a trace with its spans and all that was said about it."""
    words = tx.feedbacks.of_all([trace.number]).get(trace.number, ())
    return WholeTrace(trace, tuple(tx.spans.of(trace.number)), tuple(words))
