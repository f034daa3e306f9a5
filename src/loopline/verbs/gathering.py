"""gathering: what a training loop sends, by the point and by the thousand, for one run, which is looked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from loopline.errors import Conflict, NotFound
from loopline.verbs.start import NOTHING, unreserved

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.ledger.metrics import Value
    from loopline.loop import Loop


def gather(
    loop: Loop,
    run: str,
    batches: Mapping[str, Sequence[Value]],
    *,
    params: Mapping[str, str] = NOTHING,
    tags: Mapping[str, str] = NOTHING,
) -> str:
    """Add points, by the key of their series, params and tags to a run, named by its whole id or its foreign id; give its id.

    A point that is there with the same step, time and value is left out, so that it may be sent twice. Points alone are
    telemetry: durable, but no event of the feed. Raise NotFound no-run, Conflict run-deleted and param-exists.
    """
    unreserved(tags)
    if not (params or tags):
        with loop.ledger.telemetry() as tables:
            run = _standing(tables, loop.project, run)
            tables.metrics.extend(run, batches, once=True)
        return run
    with loop.ledger.write(loop.project, loop.actor) as tx:
        run = _standing(tx, loop.project, run)
        tx.metrics.extend(run, batches, once=True)
        tx.runs.annotate(run, params=params, tags=tags)
        tx.say("run.logged", run, params=dict(params), tags=dict(tags), inputs=0, outputs=0)
    return run


def _standing(tables: Tables, project: str, run: str) -> str:
    found = tables.runs.standing(project, run)
    if found is None:
        raise NotFound(f"there is no run {run}", kind="no-run", hint="loopline find runs", run=run)
    if found[1] is not None:
        raise Conflict(
            f"the run {run} is deleted", kind="run-deleted", hint=f"loopline delete {run} --restore", run=found[0]
        )
    return found[0]
