"""resolve: say that an incident is over."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.incident import Incident
from loopline.verbs.blaming import not_resolved, reasoned


def resolve(
    loop: Loop,
    incident: Annotated[str, "first digits of the incident"],
    *,
    why: Annotated[str, "what was done"],
) -> Incident:
    """Say that an incident is over: users are served as before. A rollback of the change that caused it says so by itself.

    Example:
        loopline resolve 019ac3f2 --why "The model of May answers again."
    """
    reason = reasoned(why)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = not_resolved(tx.incidents.known(loop.project, incident))
        tx.say("incident.resolved", found.id, lasted_us=max(0, tx.now - found.opened_at), why=reason)
        return tx.incidents.resolve(found.id, by=str(loop.actor), why=reason)
