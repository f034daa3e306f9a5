"""log: add to a run what it measured, read and made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.run import Link, Point
from loopline.verbs.start import NOTHING, unreserved


def log(
    loop: Loop,
    run: Annotated[str, "id of the run"],
    *,
    points: Annotated[tuple[Point, ...], "metric values: KEY=VALUE or KEY=VALUE@STEP"] = (),
    params: Annotated[Mapping[str, str], "written once; another value is a conflict"] = NOTHING,
    tags: Annotated[Mapping[str, str], "the newest value stays"] = NOTHING,
    inputs: Annotated[tuple[Link, ...], "what it read"] = (),
    outputs: Annotated[tuple[Link, ...], "what it made"] = (),
    source: Annotated[str, "name of a journal that may send the same twice"] = "",
    sequence: Annotated[int, "place in that journal"] = 0,
) -> bool:
    """Add metric points, params, tags, inputs and outputs to a run.

    With `source`, sending a sequence again changes nothing and gives False. Points alone are telemetry: durable, but no
    event of the feed.

    Example:
        loopline log 01a2 --point loss=0.31@5 --tag stage=warm
    """

    def record(tables: Tables) -> bool:
        if source and not tables.runs.advance(run, source, sequence):
            return False
        if points:
            tables.metrics.add(run, points)
        if params or tags:
            tables.runs.annotate(run, params=params, tags=tags)
        if inputs or outputs:
            fresh = tables.lineage.unread(run, inputs, project=loop.project) if inputs else ()
            tables.lineage.record(run, project=loop.project, inputs=fresh, outputs=outputs)
        return True

    unreserved(tags)
    with loop.ledger.read() as tx:
        run = tx.runs.identify(loop.project, run, deleted=True)
        if source and tx.runs.shipped(run, source) >= sequence:
            return False
    if not (params or tags or inputs or outputs):
        with loop.ledger.telemetry() as tables:
            return record(tables)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        fresh = record(tx)
        if fresh:
            tx.say("run.logged", run, params=dict(params), tags=dict(tags), inputs=len(inputs), outputs=len(outputs))
        else:  # another process was faster with the same journal
            tx.say("run.unchanged", run)
    return fresh
