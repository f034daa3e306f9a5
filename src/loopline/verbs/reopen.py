"""reopen: say that an incident is not over after all."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.incident import Incident
from loopline.verbs.blaming import reasoned


def reopen(
    loop: Loop,
    incident: Annotated[str, "first digits of the incident"],
    *,
    why: Annotated[str, "what is still wrong, or wrong again"],
) -> Incident:
    """Open an incident again that was resolved too early. Its time goes on from when it was opened first.

    Example:
        loopline reopen 019ac3f2 --why "Carrier UA is still late."
    """
    reason = reasoned(why)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = tx.incidents.known(loop.project, incident)
        if found.resolved_at is None:
            raise Conflict(
                f"incident {brief(found.id)} is open", kind="incident-open", hint=f"loopline show {brief(found.id)}",
                incident=found.id,
            )  # fmt: skip
        before = {"resolved_at": found.resolved_at, "resolved_by": found.resolved_by, "resolution": found.resolution}
        tx.say("incident.reopened", found.id, before=before, why=reason)
        return tx.incidents.reopen(found.id)
