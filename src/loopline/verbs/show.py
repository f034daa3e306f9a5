"""show: everything about one thing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Final

from loopline.errors import Conflict, LooplineError, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.nouns.comparison import Review
from loopline.nouns.deployment import Deployment
from loopline.nouns.incident import Incident
from loopline.nouns.name import Named, RefName, parse_pointer
from loopline.nouns.postmortem import Postmortem
from loopline.nouns.ref import Ref
from loopline.nouns.run import Run
from loopline.nouns.trace import WholeTrace
from loopline.nouns.version import Version
from loopline.verbs.noting import noted
from loopline.verbs.tracefinding import whole

_TRACE: Final = 32
"""Digits of a trace's id: it is always written whole."""


def show(
    loop: Loop,
    what: Annotated[str, "a ref, a version, first digits of a run, a change or an incident, or the id of a trace"],
    *,
    rows: Annotated[bool, "for a change: also compare the tables row by row"] = False,
) -> Ref | Version | Run | Review | Deployment | Postmortem | WholeTrace:
    """Show one thing. For a change that is the review: what moves, evidence against the base, policy, data, code.

    For an incident it is what happened: the changes that caused and fixed it, whom it reached, when, and what was done.
    For a trace it is all of its spans, and what was said about it.
    For a ref of a service it is the deployment: what should be served, to the last byte, what answers now, and where.

    Example:
        loopline show model/delay@champion
    """
    if "/" in what:
        pointer = parse_pointer(what, project=loop.project)
        with loop.ledger.read() as tx:
            if "@" in what and isinstance(pointer.revision, Named):
                ref = tx.refs.get(RefName(pointer.asset, pointer.revision.ref))
                return _shown(tx, loop, ref)
            return noted(tx, tx.versions.resolve(pointer))
    with loop.ledger.read() as tx:
        if len(what) >= _TRACE and (trace := tx.traces.find(loop.project, what)) is not None:
            return whole(tx, trace)
        found = any_by_id(tx, loop, what)
    if isinstance(found, Run):
        return found
    if isinstance(found, Incident):
        from loopline.verbs.recounting import recounted

        return recounted(loop, found.id, asked="show")
    from loopline.verbs.review import page

    return page(loop, found.id, asked="show", rows=rows)


def _shown(tx: Tables, loop: Loop, ref: Ref) -> Ref | Deployment:
    if ref.name.asset.kind != "service":
        return ref
    from loopline.verbs.deployed import deployment
    from loopline.verbs.deploying import service_at

    found = deployment(tx, loop, ref)
    try:
        return replace(found, service=service_at(tx, loop, ref))
    except LooplineError:  # it cannot be read: how its processes do is worth as much then
        return found


def any_by_id(tx: Tables, loop: Loop, prefix: str) -> Run | Change | Incident:
    """Find the change, run or incident whose id begins so. Raise NotFound, and Conflict where there are several."""
    incident = tx.incidents.beginning(loop.project, prefix)
    try:
        found = by_id(tx, loop, prefix)
    except NotFound:
        if incident is None:
            raise
        return incident
    if incident is not None:
        raise Conflict(
            f"several things begin with {prefix}", kind="ambiguous-id", hint="write more digits", prefix=prefix
        )
    return found


def by_id(tx: Tables, loop: Loop, prefix: str) -> Run | Change:
    """Find the change or run whose id begins so. Raise NotFound, and Conflict where there are several."""
    found: list[Run | Change] = []
    for kind in (tx.changes, tx.runs):
        with suppress(NotFound):
            found.append(kind.resolve(loop.project, prefix))
    if len(found) > 1:
        raise Conflict(
            f"a change and a run begin with {prefix}", kind="ambiguous-id", hint="write more digits", prefix=prefix
        )
    if not found:
        raise NotFound(
            f"nothing is called {prefix}", kind="no-such-thing", hint="loopline ls, loopline find runs or changes",
            name=prefix,
        )  # fmt: skip
    return found[0]
