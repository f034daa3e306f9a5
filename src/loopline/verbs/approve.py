"""approve: say yes or no to a change."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.change import Approval, Change
from loopline.verbs.carrying import told
from loopline.verbs.moving import find_open, settle


def approve(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or a ref whose open change is meant"],
    *,
    comment: Annotated[str, "what to say with it"] = "",
    reject: Annotated[bool, "say no instead"] = False,
) -> Change:
    """Answer a change with yes (or, with --reject, no).

    The answer counts for what is to be seen now: when the target or the evidence changes, it no longer does.

    Example:
        loopline approve model/delay@champion --as bob
    """
    from loopline.checks.policy import evidence_digest

    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = find_open(tx, change, loop)
        answer = Approval(
            actor=str(loop.actor), answer="reject" if reject else "approve", head=found.head,
            evidence=evidence_digest(found.verdicts), verified=loop.actor.verified, at=tx.now, comment=comment,
        )  # fmt: skip
        tx.changes.approve(found, answer)
        found = settle(tx, loop, tx.changes.get(found.id))
        tx.say("change.rejected" if reject else "change.approved", found.id, comment=comment, **told(found))
        return found
