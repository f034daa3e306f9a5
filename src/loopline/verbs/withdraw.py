"""withdraw: take a proposal back."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeState
from loopline.verbs.carrying import told
from loopline.verbs.moving import find_open


def withdraw(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or a ref whose open change is meant"],
    *,
    why: Annotated[str, "the reason"] = "",
) -> Change:
    """Take a change back before it has moved anything.

    Example:
        loopline withdraw model/delay@champion --why "wrong version"
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = find_open(tx, change, loop)
        tx.changes.move(found, ChangeState.WITHDRAWN, seq=tx.seq)
        tx.say("change.withdrawn", found.id, why=why, **told(found))
        return tx.changes.get(found.id)
