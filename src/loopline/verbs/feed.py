"""feed: what has happened."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.event import Event
from loopline.verbs.paging import at_most


def feed(
    loop: Loop,
    *,
    after: Annotated[int | None, "only events behind this number, oldest first"] = None,
    before: Annotated[int | None, "only events in front of this number"] = None,
    kind: Annotated[str, "only this kind, or a pattern: change.*"] = "",
    subject: Annotated[str, "only events about this: a ref, a version, a run's or change's whole id"] = "",
    actor: Annotated[str, "only what this actor did: ann, token:ci"] = "",
    limit: Annotated[int, "how many at most"] = 50,
) -> tuple[Event, ...]:
    """Tell what has happened, newest first; with --after oldest first, to go on from an event that is known.

    Example:
        loopline feed --kind "change.*"
    """
    at_most(limit)
    if after is not None and before is not None:
        raise Invalid(
            "events are told forwards or backwards", kind="two-ways", hint="give --after or --before, not both"
        )
    last = 2**62
    after, before = (None if one is None else max(-1, min(one, last)) for one in (after, before))
    if actor:
        from loopline.nouns.actor import parse_actor

        actor = str(parse_actor(actor))
    with loop.ledger.read() as tx:
        return tuple(
            tx.feed.search(
                loop.project, after=after, before=before, kind=kind, subject=subject, actor=actor, limit=limit
            )
        )
