"""rollback: bring refs back to where they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from loopline.errors import Conflict, NotFound, Refused
from loopline.ledger.ledger import Writing
from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import RefName
from loopline.verbs.blaming import edge
from loopline.verbs.carrying import carry_out, told
from loopline.verbs.moving import Plan, begin


def rollback(
    loop: Loop,
    ref: Annotated[RefName, "what went wrong: model/delay@champion"],
    *,
    why: Annotated[str, "the reason; it becomes the quarantine's"],
    change: Annotated[str | None, "the applied change to take back; the newest of the ref when left out"] = None,
    quarantine: Annotated[bool, "mark what was current as bad, so that no automation moves there again"] = True,
) -> Change:
    """Take the newest change of a ref back: every ref that it moved returns, all or none, and its versions are quarantined.

    Where a ref returns to is where it was before, so this needs no new evidence and no approval; it is recorded as a change
    of its own with edges to what it undoes, and opens an incident that the undone change caused.

    Example:
        loopline rollback model/delay@champion --why "delays were read as seconds"
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        undone = _undone(tx, loop, ref, change)
        moves = tuple(Move(m.ref, m.new, m.old) for m in undone.moves)
        back = begin(tx, loop, Plan(moves, why, kind="rollback", undoes=undone.id))
        if not back.state.over:
            _keeps_the_rules(back)
            back = carry_out(tx, back)
        marked = []
        if quarantine:
            for move in undone.moves:
                if move.new is not None:
                    tx.versions.quarantine(move.ref.asset, move.new, reason=why, change=back.id)
                    marked.append(f"{move.ref.asset}@{move.new}")
        tx.say("change.applied", back.id, quarantined=marked, incidents=_incident(tx, loop, undone, back), **told(back))
        return replace(back, quarantines=tuple(tx.versions.quarantined_by(back.id)))


def _undone(tx: Writing, loop: Loop, ref: RefName, change: str | None) -> Change:
    if change is not None:
        found = tx.changes.resolve(loop.project, change)
        if found.state is not ChangeState.APPLIED or ref not in {move.ref for move in found.moves}:
            raise Conflict(
                f"change {brief(found.id)} did not move {ref}", kind="did-not-move", hint=f"loopline history {ref}",
                change=found.id, ref=str(ref), found=str(found.state),
            )  # fmt: skip
        return found
    here = tx.refs.find(ref)
    target = here.target if here else None
    for moved in tx.changes.history(ref, limit=1000):
        if moved.kind != "rollback" and moved.new == target:
            return tx.changes.get(moved.change)
    tx.refs.get(ref)
    raise NotFound(
        f"{ref} has no change to take back", kind="nothing-to-undo", hint=f"loopline history {ref}", ref=str(ref)
    )


def _keeps_the_rules(back: Change) -> None:
    """Refuse to take a guarded policy back alone: who loosens the rules may then move anything, and no history fixes that."""
    rules = next((move for move in back.moves if move.ref.asset.kind == "policy"), None)
    if rules is None or back.decision is None or back.decision.passed:
        return
    where = "--delete" if rules.new is None else f"--to {rules.new}"
    raise Refused(
        f"{rules.ref} is guarded by a policy, which a rollback would pass by", kind="policy",
        hint=f"loopline propose {rules.ref} {where} --why …", ref=str(rules.ref), change=back.undoes,
    )  # fmt: skip


def _incident(tx: Writing, loop: Loop, undone: Change, back: Change) -> list[dict[str, Any]]:
    """Resolve what the undone change has caused, or open an incident for it; give what the feed is to keep of that."""
    cause = Blame("caused_by", undone.id, "rollback", by=str(loop.actor), at=tx.now, why=back.reason)
    blamed = [one for one in tx.incidents.about(undone.id) if any(b.names(cause) for b in one.blames)]
    known = [one for one in blamed if one.resolved_at is None]
    if not known:
        known = [
            tx.incidents.open(
                Incident(
                    id=loop.ids.new(), project=loop.project, title=back.reason, severity="medium", opened_by=str(loop.actor),
                    opened_at=tx.now,
                )
            )
        ]  # fmt: skip
    fix = replace(cause, relation="fixes", change=back.id)
    found = []
    for incident in known:
        edges = [{"before": edge(tx.incidents.blame(incident.id, one)), "after": edge(one)} for one in (cause, fix)]
        tx.incidents.resolve(incident.id, by=str(loop.actor), why=back.reason)
        found.append({"incident": incident.id, "edges": edges})
    return found
