"""wayback: which refs a rollback moves with the one that is named, which stay, and why; for the verbs that tell and do it.

Everything is found in one transaction, and nothing is written. What one change moved together goes back together, and so on
from each of these refs, over all changes since. Behind a service come the refs that it follows. A ref that somebody has moved
again since, with nothing that goes back, is theirs: it stays.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from loopline.access.allow import allowed
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused
from loopline.nouns.change import Change, ChangeState, Move, Moved
from loopline.nouns.ids import brief
from loopline.nouns.name import RefName, parse_pointer
from loopline.nouns.wayback import Returning, Staying, Undone, WayBack, digest_of_way
from loopline.verbs import BY_NAME
from loopline.verbs.carrying import in_quarantine
from loopline.verbs.deploying import service_at
from loopline.verbs.lacking import HINT
from loopline.verbs.moments import NOT_THERE, Goal, Moment, in_force, moment_for, trouble
from loopline.verbs.moving import at_home, stands
from loopline.verbs.permitting import sees
from loopline.verbs.pins import Repinned, repinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.wayback import Why

REFS: Final = 100
"""Refs that one rollback moves at most."""
ROWS: Final = 5000
"""Moves that are read for one ref."""


def way_back(tx: Tables, loop: Loop, ref: RefName, goal: Goal) -> WayBack:
    """Find all that a rollback of a ref would do.

    Raise what `moment_for` raises; Refused kind="quarantined" or "policy", NotFound kind="version-deleted" or
    "blob-missing" where the named ref itself cannot go there; Conflict kind="rolling", "too-far-back".
    """
    for one in (ref, *goal.also):
        at_home(loop, one.asset)
    if ref in goal.leave:
        raise Invalid(f"{ref} is what goes back", kind="not-left", hint="leave out --leave", ref=str(ref))
    moment = moment_for(tx, loop, ref, goal)
    lifts = tuple(tx.versions.quarantined_by(moment.again)) if moment.again else ()
    if moment.target is not None:
        _must_do(ref, moment.target, trouble(tx, loop, ref.asset, moment.target, lifted=lifts))
    again = repinned(tx, loop, ref, moment)
    met = _Gathering(tx, ref, again, goal)
    moves, stays = _sorted_out(tx, loop, met, lifts)
    aborts = _rolling(tx, moves, goal)
    taken = [group for group in met.changes.values() if _counts(group, moment)]
    marks = _marks(tx, taken, moves, again) if goal.quarantine and not moment.again else ()
    lifts = tuple(
        one for one in lifts if one in {f"{m.move.ref.asset}@{m.move.new}" for m in moves} or one in again.brings
    )
    found = WayBack(
        ref, again.seq, tuple(moves),
        tuple(Undone(one[0].change, one[0].at, one[0].author, one[0].reason) for one in taken),
        tuple(stays), marks, lifts, aborts, again.pinned,
        (*moment.notes, *again.notes, *met.notes, *elsewhere(tx, loop, moves, marks)),
        forward=bool(moment.again),
    )  # fmt: skip
    return replace(found, digest=digest_of_way(found))


class _Gathering:
    """Refs that belong together by the changes since, and why."""

    def __init__(self, tx: Tables, ref: RefName, again: Repinned, goal: Goal) -> None:
        self._tx, self._seq = tx, again.seq
        self._known: dict[RefName, list[tuple[Moved, ...]]] = {}
        self.changes: dict[str, tuple[Moved, ...]] = {}
        """Those that are taken back: the moves of each, newest first."""
        self.why: dict[RefName, str] = {
            ref: "it is what was named", **again.follows, **dict.fromkeys(goal.also, "it was named as well")
        }  # fmt: skip
        for said in (*goal.also, *goal.leave):
            if not tx.changes.history(said, limit=1):
                tx.refs.get(said)  # a name that was mistyped is not passed over
        self.notes = [f"{said} has not moved since" for said in goal.also if not self.since(said)]
        beside = {said: None for said in goal.leave if self.why.pop(said, None)}
        waiting = list(self.why)
        for here in waiting:  # it grows on the way
            for group in self.since(here):
                self.changes[group[0].change] = group
                for one in group:
                    beside[one.ref] = None
                    if one.ref not in self.why and one.ref not in goal.leave and self._hangs_on(one.ref):
                        self.why[one.ref] = f"change {brief(one.change)} moved it with {here}"
                        waiting.append(one.ref)
            if len(self.why) > REFS:
                raise _too_far(ref)
        self.changes = dict(sorted(self.changes.items(), key=lambda item: -item[1][0].seq))
        self.stays = [
            self._staying(ref, left=ref in goal.leave) for ref in beside if ref not in self.why and self.since(ref)
        ]

    def since(self, ref: RefName) -> list[tuple[Moved, ...]]:
        """Give the changes that have moved a ref since, newest first, each whole."""
        if ref not in self._known:
            moved = self._tx.changes.beside(ref, after=self._seq, limit=ROWS)
            if len(moved) == ROWS:
                raise _too_far(ref)
            self._known[ref] = [tuple(group) for _, group in groupby(moved, key=lambda one: one.change)]
        return self._known[ref]

    def target(self, ref: RefName) -> int | None:
        """Tell where a ref stood then."""
        return self._own(ref)[-1].old

    def _own(self, ref: RefName) -> list[Moved]:
        return [one for group in self.since(ref) for one in group if one.ref == ref]

    def _last(self, ref: RefName) -> tuple[Moved, ...]:
        """Give the change that has brought a ref where it stands: the newest that no rollback has taken back."""
        groups = self.since(ref)
        return groups[next(in_force(self._own(ref)), 0)]

    def _hangs_on(self, ref: RefName) -> bool:
        """Tell whether what moved a ref last has moved something with it that goes back."""
        return any(one.ref in self.why for one in self._last(ref))

    def _staying(self, ref: RefName, *, left: bool) -> Staying:
        here = self._tx.refs.find(ref)
        kind: Why = "left" if left else "moved-on"
        by = brief(self._last(ref)[0].change)
        why = "it was said to stay" if left else f"change {by} has moved it again since, with nothing that goes back"
        return Staying(ref, here.target if here else None, self.target(ref), kind, why)


def _sorted_out(tx: Tables, loop: Loop, met: _Gathering, lifts: Sequence[str]) -> tuple[list[Returning], list[Staying]]:
    """Tell refs that can go back from those that cannot; of the named one, which comes first, raise instead."""
    moves: list[Returning] = []
    stays = [one for one in met.stays if one.at != one.to]
    for ref, why in met.why.items():
        if not met.since(ref):
            continue
        here, to = tx.refs.find(ref), met.target(ref)
        at = here.target if here else None
        if at == to:
            continue
        move = Move(ref, at, to, _tier(tx, ref) if here is None else None)
        wrong = trouble(tx, loop, ref.asset, to, lifted=lifts) if to is not None else None
        if to is None and ref.asset.kind == "service" and moves:
            wrong = "new", NOT_THERE
        if wrong is None and ref.asset.kind == "policy" and not _loose(tx, loop, move):
            wrong = "guarded", "a policy guards it, which a rollback would pass by"
            if not moves:
                raise _guarded(move)
        if wrong is None:
            moves.append(Returning(move, why, tuple(group[0].change for group in met.since(ref))))
        else:
            stays.append(Staying(ref, at, to, *wrong))
    return moves, stays


def _marks(
    tx: Tables, taken: Sequence[Sequence[Moved]], moves: Sequence[Returning], again: Repinned
) -> tuple[str, ...]:
    """Name the versions that were brought by what is taken back, and the models behind them that do not come back, too."""
    going = {one.move.ref for one in moves}
    stay = {f"{one.move.ref.asset}@{one.move.new}" for one in moves} | again.brings
    found = [
        one for group in taken for one in group
        if one.ref in going and one.new is not None and f"{one.ref.asset}@{one.new}" not in stay
        and tx.versions.quarantined(one.ref.asset, one.new) is None
    ]  # fmt: skip
    models = [one for one in again.leaves(tx, found) if one not in stay]
    return tuple(dict.fromkeys([*sorted({f"{one.ref.asset}@{one.new}" for one in found}), *models]))


def elsewhere(tx: Tables, loop: Loop, moves: Sequence[Returning], marks: Sequence[str]) -> list[str]:
    """Say which refs stay at what goes into quarantine, and which services go on serving it, as far as whoever asks sees them."""
    going = {one.move.ref for one in moves}
    found: list[str] = []
    left = {f"{one.move.ref.asset}@{one.move.old}" for one in moves} | set(marks)
    for asset in dict.fromkeys(parse_pointer(one, project=loop.project).asset for one in marks):
        for ref in tx.refs.of(asset):
            at = f"{asset}@{ref.target}"
            if ref.name not in going and at in marks and sees(loop, "retrace", loop.project, str(asset)):
                found.append(f"{ref.name} stays at {at}, which goes into quarantine")
    for ref in tx.refs.of_kind("service", project=loop.project, limit=REFS):
        if ref.name in going or not sees(loop, "retrace", loop.project, str(ref.name.asset)):
            continue
        with suppress(LooplineError):
            served = [arm.version for arm in service_at(tx, loop, ref).arms if arm.version in left]
            if served:
                found.append(f"{ref.name} goes on serving {', '.join(served)}: loopline retrace {ref.name}")
    return found


def _counts(group: Sequence[Moved], moment: Moment) -> bool:
    """Tell whether a change is taken back now: a rollback is none, and what one has taken back is so already."""
    return group[0].change == moment.again or (group[0].kind != "rollback" and group[0].change not in moment.taken)


def _rolling(tx: Tables, moves: Sequence[Returning], goal: Goal) -> tuple[str, ...]:
    """Name changes that roll on the refs that move. Raise Conflict unless they shall be ended."""
    found: dict[str, RefName] = {}
    for one in moves:
        change = tx.changes.rolling(one.move.ref)
        if change is not None:
            found.setdefault(change, one.move.ref)
    for change, ref in found.items():
        if not goal.abort:
            raise Conflict(
                f"change {brief(change)} rolls on {ref}", kind="rolling",
                hint=f"loopline abort {brief(change)} --why … keeps what was there; --abort ends it and goes back further",
                ref=str(ref), change=change,
            )  # fmt: skip
    return tuple(found)


def _tier(tx: Tables, ref: RefName) -> str | None:
    """Give the tier that a ref had before it went."""
    for moved in tx.changes.history(ref, limit=100):
        tiers = [move.tier for move in tx.changes.get(moved.change).moves if move.ref == ref]
        if tiers and tiers[0] is not None:
            return tiers[0]
    return None


def _loose(tx: Tables, loop: Loop, move: Move) -> bool:
    """Tell whether the policy in force would let somebody move a policy as they are: then a rollback may, too."""
    asked = Change(
        id="", project=loop.project, author=str(loop.actor), reason="", kind="rollback", state=ChangeState.PROPOSED,
        moves=(move,), created_at=tx.now,
    )  # fmt: skip
    requirements, _ = stands(tx, loop, asked)
    return all(one.result == "pass" for one in requirements)


def _guarded(move: Move) -> Refused:
    """Who loosens the rules may then move anything, and no history fixes that."""
    where = "--delete" if move.new is None else f"--to {move.new}"
    return Refused(
        f"{move.ref} is guarded by a policy, which a rollback would pass by", kind="policy",
        hint=f"loopline propose {move.ref} {where} --why …", ref=str(move.ref),
    )  # fmt: skip


def _must_do(ref: RefName, number: int, wrong: tuple[Why, str] | None) -> None:
    """Raise where the named ref cannot go back to what was asked for."""
    if wrong is None:
        return
    kind, said = wrong
    name = f"{ref.asset}@{number}"
    if kind == "quarantined":
        error: LooplineError = in_quarantine(ref.asset, number, said)
        error.message, error.hint = said, f"loopline history {ref}, then --to what was good"
        raise error
    if kind == "deleted":
        raise NotFound(
            said, kind="version-deleted", hint=f"loopline delete {name} --restore, or --to another", version=name
        )
    raise NotFound(said, kind="blob-missing", hint=HINT, version=name)


def _too_far(ref: RefName) -> Conflict:
    return Conflict(
        f"too much has moved with {ref} since then", kind="too-far-back",
        hint="go back less far with --to, or leave refs where they are with --leave", ref=str(ref), most=REFS,
    )  # fmt: skip


def assets_of(way: WayBack) -> frozenset[str]:
    """Name every asset that a rollback tells of: who does not see one of them is told nothing of it."""
    refs = {str(one.move.ref.asset) for one in way.moves} | {str(one.ref.asset) for one in way.stays}
    return frozenset(refs | {one.rpartition("@")[0] for one in (*way.quarantines, *way.lifts)})


def may_go(tx: Tables, loop: Loop, verb: str, way: WayBack) -> None:
    """Raise Refused kind="not-allowed" unless the caller may ask that of all that belongs together, and end what rolls.

    The door has asked before; what belongs together may have grown since.
    """
    if loop.caller is None:
        return
    allowed(loop.caller, BY_NAME[verb], project=loop.project, assets=sorted(assets_of(way)))
    for change in way.aborts if verb == "rollback" else ():
        moved = sorted({str(move.ref.asset) for move in tx.changes.get(change).moves})
        allowed(loop.caller, BY_NAME["abort"], project=loop.project, assets=moved)
