"""carrying: how a change whose policy holds moves its refs: at once, or step by step where a service says so.

Everything here happens inside one write transaction: what is read stays true until the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.errors import Conflict, Refused
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.ids import brief
from loopline.nouns.name import parse_asset

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.name import AssetName, RefName


def carry_on(tx: Writing, loop: Loop, change: Change) -> Change:
    """Move the refs of a change whose policy holds: at once, or step by step where the new version of a service says so."""
    from loopline.verbs.rolling import begin_rolling, rollout_of

    if change.state is ChangeState.ROLLING:
        raise Conflict(
            f"change {brief(change.id)} rolls already", kind="rolling",
            hint=f"wait for it, or loopline abort {brief(change.id)} --why …", change=change.id,
        )  # fmt: skip
    found = rollout_of(tx, loop, change)
    if found is None:
        return carry_out(tx, change)
    for move in change.moves:
        _must_stand(tx, change, move)
    return begin_rolling(tx, change, found)


def carry_out(tx: Writing, change: Change) -> Change:
    """Move every ref of a change, or none: by compare-and-swap, never to a version in quarantine that it does not lift."""
    for move in change.moves:
        _must_stand(tx, change, move)
        tx.refs.move(move, change=change.id)
        if move.new is None:  # who makes a branch of this name again begins with nothing staged
            tx.staging.clear(move.ref.key)
    for one in change.lifts:
        tx.versions.lift(parse_asset(one.rpartition("@")[0], project=change.project), int(one.rpartition("@")[2]))
    tx.changes.move(change, ChangeState.APPLIED, seq=tx.seq)
    tx.say("change.applied", change.id, **told(change))
    return tx.changes.get(change.id)


def _must_stand(tx: Tables, change: Change, move: Move) -> None:
    """Raise unless a ref stands where the change wants to move it from and may be moved."""
    here = tx.refs.find(move.ref)
    rolling = tx.changes.rolling(move.ref)
    if rolling and rolling != change.id:
        raise Conflict(
            f"change {brief(rolling)} rolls on {move.ref}", kind="rolling",
            hint=f"wait for it, or loopline abort {brief(rolling)} --why …", ref=str(move.ref), change=rolling,
        )  # fmt: skip
    if (here.target if here else None) != move.old:
        raise Conflict(
            f"{move.ref} has moved", kind="ref-moved", hint=_again(tx, move),
            ref=str(move.ref), expected=move.old, found=here.target if here else None,
        )  # fmt: skip
    if move.new is None:
        return
    must_not_be_fixed(tx, move.ref)
    reason = tx.versions.quarantined(move.ref.asset, move.new)
    if reason is not None and f"{move.ref.asset}@{move.new}" not in change.lifts:
        raise in_quarantine(move.ref.asset, move.new, reason)


def _again(tx: Tables, move: Move) -> str:
    """Say how to bring a version to a ref that has moved: data that was added to the old one is merged, to lose nothing since."""
    if move.new is None:
        return f"loopline propose {move.ref} --delete"
    asset, added = move.ref.asset, False
    if asset.kind == "data" and tx.refs.find(move.ref) is not None:
        added = move.old in tx.versions.get(asset, move.new).parents
    return f"loopline merge {asset}@{move.new} {move.ref}" if added else f"loopline propose {move.ref} --to {move.new}"


def must_not_be_fixed(tx: Tables, ref: RefName) -> None:
    """Raise Refused for a ref that was made never to move: what people know by its name must stay what it is."""
    here = tx.refs.find(ref)
    if here is not None and here.fixed:
        raise Refused(
            f"{ref} is fixed at version {here.target}", kind="ref-fixed",
            hint=f"choose another name, or take it away first: loopline tag {ref.ref} {ref.asset} --delete",
            ref=str(ref), found=here.target,
        )  # fmt: skip


def in_quarantine(asset: AssetName, number: int, reason: str) -> Refused:
    """Say that automation does not move there."""
    return Refused(
        f"{asset}@{number} is in quarantine: {reason}", kind="quarantined",
        hint="choose another version (a person may propose it with --lift)", version=f"{asset}@{number}", reason=reason,
    )  # fmt: skip


def told(change: Change) -> dict[str, object]:
    """Say what a change is, for the feed."""
    return {
        "kind": change.kind, "reason": change.reason, "head": change.head, "undoes": change.undoes, "run": change.run,
        "moves": [{"ref": str(m.ref), "old": m.old, "new": m.new, "tier": m.tier} for m in change.moves],
    }  # fmt: skip
