"""rollback: bring refs back to where they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from loopline.errors import Conflict, Invalid
from loopline.ledger.ledger import Tables, Writing
from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.nouns.digest import MIN_PREFIX
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import RefName, parse_pointer
from loopline.nouns.wayback import WayBack
from loopline.verbs.blaming import edge
from loopline.verbs.carrying import carry_out, told
from loopline.verbs.moments import Goal
from loopline.verbs.moving import Plan, begin
from loopline.verbs.rolling import end_rolling
from loopline.verbs.wayback import elsewhere, may_go, way_back


def rollback(
    loop: Loop,
    ref: Annotated[RefName, "what went wrong: service/delay@prod"],
    *,
    why: Annotated[str, "the reason; it becomes the quarantine's"] = "",
    to: Annotated[
        str | None, "a version where it stood before, or a time: 2, @2026-08-01T12:00; the last good one when left out"
    ] = None,
    change: Annotated[str | None, "the newest change of the ref, or the rollback that is to be taken back"] = None,
    also: Annotated[tuple[RefName, ...], "further refs that go back to that moment"] = (),
    leave: Annotated[tuple[RefName, ...], "refs that stay where they are"] = (),
    quarantine: Annotated[bool, "mark the versions that it leaves as bad: no automation moves there again"] = True,
    abort: Annotated[bool, "end what rolls on these refs first"] = False,
    expect: Annotated[str | None, "the digest that `loopline retrace` told: do just that, or nothing"] = None,
) -> Change | WayBack:
    """Bring a ref back to where it was, with all that belongs to it, in one change; what it leaves is quarantined.

    What was moved together since goes back together, and the refs that a service follows go back with it. `loopline retrace`
    tells what will move and why, and so does a rehearsal (`--dry-run`), which needs no reason.

    Where a ref returns to is where it was before, so this needs no new evidence and no approval; it is recorded as a change
    of its own with edges to what it undoes, and mends the incident that this has caused, or opens one. Again, it goes one
    further back. Taking a rollback back (`--change`) goes forward: that is a change as any other, lifts the quarantine that
    the rollback left, and waits for its policy.

    Example:
        loopline rollback service/delay@prod --why "delays were read as seconds"
        loopline rollback service/delay@prod --to 3 --why "back to June"
    """
    goal = Goal(to, change, also, leave, quarantine, abort)
    if loop.ledger.dry:
        with loop.ledger.read() as tables:
            return _way(tables, loop, ref, goal, expect)
    if not why.strip():
        raise Invalid(
            "a rollback needs a reason", kind="missing-parameter", hint="give --why, or --dry-run", verb="rollback"
        )
    with loop.ledger.database.write():  # what rolls ends by an event of its own, and with the rest, or not at all
        way, ending = None, list[str]()
        while True:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                if way is None:
                    way = _way(tx, loop, ref, goal, expect)
                    ending = list(way.aborts)
                if not ending:
                    return _go(tx, loop, way, why)
                end_rolling(tx, loop, tx.rollouts.get(ending.pop()), why=why, bad=False)


def _way(tx: Tables, loop: Loop, ref: RefName, goal: Goal, expect: str | None) -> WayBack:
    way = way_back(tx, loop, ref, goal)
    may_go(tx, loop, "rollback", way)
    _as_seen(way, expect)
    return way


def _as_seen(way: WayBack, expect: str | None) -> None:
    """Raise Conflict where somebody has seen another way back."""
    if expect is None:
        return
    told = expect.removeprefix("sha256:")
    if len(told) >= MIN_PREFIX and way.digest.removeprefix("sha256:").startswith(told):
        return
    raise Conflict(
        f"what belongs to {way.ref} has changed since you looked", kind="way-changed", hint=f"loopline retrace {way.ref}",
        ref=str(way.ref), expected=expect, found=way.digest,
    )  # fmt: skip


def _go(tx: Writing, loop: Loop, way: WayBack, why: str) -> Change:
    """Go it, in the transaction in which it was found."""
    moves = tuple(one.move for one in way.moves)
    taken = [one.change for one in way.undoes]
    undone = next(one for one in way.moves[0].changes if one in taken)
    stays = tuple(f"{one.ref}: {one.why}" for one in way.stays)
    if way.forward:
        again = begin(tx, loop, Plan(moves, why, undoes=undone, lift=bool(way.lifts), lifts=way.lifts))
        return replace(again, stays=stays)
    goes_on = elsewhere(tx, loop, way.moves, way.quarantines)
    back = begin(tx, loop, Plan(moves, why, kind="rollback", undoes=undone))
    if not back.state.over:
        back = carry_out(tx, back)
    for one in way.quarantines:
        pointer = parse_pointer(one, project=loop.project)
        tx.versions.quarantine(pointer.asset, int(one.rpartition("@")[2]), reason=why, change=back.id)
    incidents = _incident(tx, loop, taken, back)
    tx.say(
        "change.applied", back.id, quarantined=list(way.quarantines), way_back=way.digest,
        takes_back=taken, stays=list(stays), incidents=incidents, **told(back),
    )  # fmt: skip
    return replace(back, quarantines=tuple(tx.versions.quarantined_by(back.id)), stays=(*stays, *goes_on))


def _incident(tx: Writing, loop: Loop, taken: Sequence[str], back: Change) -> list[dict[str, Any]]:
    """Close what is known to have come from what was taken back, or else open an incident; each of these changes is a cause.

    Give what the feed is to keep of that.
    """
    about = {one.id: one for change in taken for one in tx.incidents.about(change) if _causes(one, change)}
    known = [one for one in about.values() if one.resolved_at is None]
    if not known:
        known = [
            tx.incidents.open(
                Incident(
                    id=loop.ids.new(), project=loop.project, title=back.reason, severity="medium", opened_by=str(loop.actor),
                    opened_at=tx.now,
                )
            )
        ]  # fmt: skip
    said = Blame("caused_by", back.id, "rollback", by=str(loop.actor), at=tx.now, why=back.reason)
    causes = [one for one in taken if not any(_causes(incident, one, but="override") for incident in known)]
    found = []
    for incident in known:
        blames = [*(replace(said, change=one) for one in causes), replace(said, relation="fixes")]
        edges = [{"before": edge(tx.incidents.blame(incident.id, one)), "after": edge(one)} for one in blames]
        tx.incidents.resolve(incident.id, by=str(loop.actor), why=back.reason)
        found.append({"incident": incident.id, "edges": edges})
        causes = []
    return found


def _causes(incident: Incident, change: str, *, but: str = "") -> bool:
    return any((one.relation, one.change) == ("caused_by", change) and one.source != but for one in incident.blames)
