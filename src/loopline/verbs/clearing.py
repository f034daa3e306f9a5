"""clearing: an asset taken away with every ref that it has, all or nothing; for doors whose users delete a whole line of data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.change import Change, ChangeState, Move
from loopline.verbs.moving import Plan, at_home, begin

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.name import AssetName


def clear_out(loop: Loop, asset: AssetName, *, why: str) -> Change | None:
    """Delete the refs of an asset by one change, and with it the asset; its history stays, as `delete` has it.

    Where a policy holds the change, all stays as it is: the change that waits is given. None: there was no ref.
    """
    at_home(loop, asset)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        refs = tx.refs.of(tx.assets.get(asset).name)
        change = begin(tx, loop, Plan(tuple(Move(one.name, one.target, None) for one in refs), why)) if refs else None
        if change is None or change.state is ChangeState.APPLIED:
            tx.assets.delete(asset)
            tx.say("deleted", str(asset), why=why)
    return change
