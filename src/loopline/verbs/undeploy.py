"""undeploy: a service that is not served any more."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.change import Change, Move
from loopline.nouns.name import RefName
from loopline.verbs.deploying import service_ref
from loopline.verbs.moving import Plan, begin


def undeploy(
    loop: Loop,
    ref: Annotated[RefName, "what is not to be served any more: service/delay@prod"],
    *,
    why: Annotated[str, "the reason, for whoever reviews it"] = "",
) -> Change:
    """Propose that the ref of a service goes, as any move is proposed. Its host then answers what was asked, and ends it.

    Versions, records and history stay.

    Example:
        loopline undeploy service/delay@staging --why "the trial is over"
    """
    service_ref(ref)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        return begin(tx, loop, Plan((Move(ref, tx.refs.get(ref).target, None),), why or f"undeploy {ref}"))
