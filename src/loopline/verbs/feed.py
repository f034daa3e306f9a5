"""feed: what has happened."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.event import Event
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables

_DIGITS: Final = re.compile(r"[0-9a-f]{8,31}\Z")
"""The beginning of an id, as pages and commands show it."""


def feed(
    loop: Loop,
    *,
    after: Annotated[int | None, "only events behind this number, oldest first"] = None,
    before: Annotated[int | None, "only events in front of this number"] = None,
    kind: Annotated[str, "only this kind, or a pattern: change.*"] = "",
    subject: Annotated[str, "only events about this: a ref, a version, the id of a run, a change or an incident"] = "",
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
        subject = _whole(tx, loop.project, subject)
        return tuple(
            tx.feed.search(
                loop.project, after=after, before=before, kind=kind, subject=subject, actor=actor, limit=limit
            )
        )


def _whole(tx: Tables, project: str, subject: str) -> str:
    """Give the whole id that the first digits of one mean; anything else as it is. Raise Conflict where several begin so."""
    if not _DIGITS.match(subject):
        return subject
    for found in (tx.runs.resolve, tx.changes.resolve):
        with suppress(NotFound):
            return found(project, subject).id
    incident = tx.incidents.beginning(project, subject)
    return incident.id if incident else subject
