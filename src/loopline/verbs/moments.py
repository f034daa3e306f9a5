"""moments: to which moment of its history a ref goes back, and what may be wrong with what stood there; for rollbacks.

A ref's moves are read as a stack: a rollback takes away what it took back, so that going back twice goes two steps back and
never forward.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound
from loopline.nouns.change import ChangeState, Moved
from loopline.nouns.ids import brief
from loopline.nouns.name import Pointer, RefName, parse_pointer, parse_revision
from loopline.verbs.instants import instant

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.name import AssetName
    from loopline.nouns.version import Version
    from loopline.nouns.wayback import Why

MOVES: Final = 1000
"""Moves of a ref that are looked at."""
FILES: Final = 2000
"""Files of a version whose bytes are looked for."""
_TIME: Final = re.compile(r"\d+-|\d{14}")
"""How a time begins: a year, or microseconds. A version or a name that does is written whole: `model/delay@2026-08`."""


NOT_THERE: Final = "it was not there before: loopline undeploy takes a service away"


@dataclass(frozen=True, slots=True)
class Goal:
    """How far back, and what goes along."""

    to: str | None = None
    change: str | None = None
    also: tuple[RefName, ...] = ()
    leave: tuple[RefName, ...] = ()
    quarantine: bool = True
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the history of a ref."""

    seq: int
    """The last event that is not taken back."""
    since: int
    """The event that had moved the ref to where it stood then."""
    target: int | None
    taken: frozenset[str] = frozenset()
    """Changes behind it that rollbacks have taken back already."""
    again: str = ""
    """The rollback that is taken back, where one is."""
    free: bool = True
    """Whether any moment will do at which the ref stood there."""
    notes: tuple[str, ...] = ()


def moment_for(tx: Tables, loop: Loop, ref: RefName, goal: Goal) -> Moment:
    """Find the moment that somebody means: by a change, a version, a time, or else the last one that was good.

    Raise NotFound, Invalid kind="nothing-to-move", Conflict kind="did-not-move", "ref-moved", "taken-back".
    """
    if goal.to is not None and goal.change is not None:
        raise Invalid(
            "a change says how far back", kind="not-with-change", hint="leave out --to, or --change", ref=str(ref)
        )
    past = tx.changes.history(ref, limit=MOVES)
    if goal.change is not None:
        return _before(tx, loop, ref, past, goal.change)
    if not past:
        tx.refs.get(ref)
        raise _nothing(ref, "has no change to take back")
    if goal.to is None:
        return _last_good(tx, loop, past)
    text = goal.to.removeprefix("@")
    if _TIME.match(text):
        return _as_of(past, instant(text), text)
    return _at_version(tx, loop, past, text)


def in_force(past: Sequence[Moved]) -> Iterator[int]:
    """Give the places of the moves that stand, newest first: neither rollbacks nor what these took back."""
    at = 0
    while at < len(past):
        if past[at].kind != "rollback":
            yield at
            at += 1
            continue
        left = (one for one in range(at + 1, len(past)) if past[one].old == past[at].new)
        at = next(left, len(past)) + 1


def trouble(
    tx: Tables, loop: Loop, asset: AssetName, number: int, *, lifted: Collection[str] = ()
) -> tuple[Why, str] | None:
    """Tell why a ref cannot go to a version: deleted, in quarantine, bytes are gone; of a service its models', too."""
    version = tx.versions.find(asset, number)
    if version is None or version.deleted_at is not None:
        return "deleted", f"{asset}@{number} was deleted"
    reason = tx.versions.quarantined(asset, number)
    if reason is not None and str(version) not in lifted:
        return "quarantined", f"{version} is in quarantine: {reason}"
    lost = _lost(loop, version)
    if lost:
        return "lost", f"bytes of {version} are missing: {lost}"
    return _models(tx, loop, version, lifted) if asset.kind == "service" else None


def _models(tx: Tables, loop: Loop, version: Version, lifted: Collection[str]) -> tuple[Why, str] | None:
    """Tell what is wrong with the models that a version of a service is made of."""
    from loopline.verbs.deploying import service_of

    try:
        service = service_of(loop, version)
    except LooplineError as error:
        return "lost", f"{version} cannot be read: {error.message}"
    for arm in service.arms:
        pointer = parse_pointer(arm.version, project=loop.project)
        number = int(arm.version.rpartition("@")[2])
        wrong = trouble(tx, loop, pointer.asset, number, lifted=lifted)
        if wrong is not None:
            return wrong[0], f"{version} serves {arm.version}, and {wrong[1]}"
    return None


def _lost(loop: Loop, version: Version) -> str:
    """Name bytes of a version that are not in the store; empty where all are, or the first of a great many."""
    from itertools import islice

    from loopline.nouns.artifact import MODEL, TREE
    from loopline.nouns.digest import short

    root = version.artifact.digest
    if loop.blobs.size(root) is None:
        return short(root)
    if version.artifact.media_type not in (TREE, MODEL):
        return ""
    from loopline.datasets.tree import Tree

    try:
        for entry in islice(Tree(loop.blobs, root).iter(), FILES):
            if loop.blobs.size(entry.digest) is None:
                return entry.path
    except LooplineError as error:
        return error.message
    return ""


def _before(tx: Tables, loop: Loop, ref: RefName, past: Sequence[Moved], change: str) -> Moment:
    """Go back to before one change, the newest of its ref that stands; or forward to before a rollback that was the last."""
    found = tx.changes.resolve(loop.project, change)
    if found.state is not ChangeState.APPLIED or ref not in {move.ref for move in found.moves}:
        raise Conflict(
            f"change {brief(found.id)} did not move {ref}", kind="did-not-move", hint=f"loopline history {ref}",
            change=found.id, ref=str(ref), found=str(found.state),
        )  # fmt: skip
    again = found.kind == "rollback"
    at = 0 if again else next(in_force(past), 0)
    if past[at].change == found.id:
        return _moment(past, at, again=found.id if again else "", free=not again)
    old = next((move.old for move in found.moves if move.ref == ref), None)
    hint = f"loopline history {ref}" if again or old is None else f"loopline rollback {ref} --to {old} --why …"
    raise Conflict(
        f"{ref} has moved since change {brief(found.id)}", kind="ref-moved", hint=hint, ref=str(ref), change=found.id,
        found=past[0].change,
    )  # fmt: skip


def _last_good(tx: Tables, loop: Loop, past: Sequence[Moved]) -> Moment:
    """Go back one step; over versions that nobody should be brought to, but never over them to nothing, or to no service."""
    notes: list[str] = []
    ref, here = past[0].ref, past[0].new
    for at in in_force(past):
        old = past[at].old
        if old is None:
            if ref.asset.kind != "service" and not notes:
                return _moment(past, at)
            notes.append(NOT_THERE if ref.asset.kind == "service" else "it was not there before")
            continue
        wrong = trouble(tx, loop, ref.asset, old)
        if wrong is None and old != here:
            return _moment(past, at, notes=notes)
        if wrong is not None:
            notes.append(f"passed over: {wrong[1]}")
    raise _nothing(ref, f"was at nothing good before ({'; '.join(notes)})" if notes else "has no change to take back")


def _at_version(tx: Tables, loop: Loop, past: Sequence[Moved], text: str) -> Moment:
    ref = past[0].ref
    pointer = parse_pointer(text, project=loop.project) if "/" in text else Pointer(ref.asset, parse_revision(text))
    if (pointer.asset.project, str(pointer.asset)) != (ref.asset.project, str(ref.asset)):
        raise _never(ref, f"has never stood at {text}")
    number = tx.versions.resolve(pointer).number
    if number == past[0].new:
        raise _is_there(ref, f"is at {number} already")
    for at in in_force(past):
        if past[at].old == number:
            return _moment(past, at)
    left = next((at for at, one in enumerate(past) if one.old == number), None)
    if left is not None:
        raise _taken_back(past, left)
    raise NotFound(
        f"{ref} has never stood at {number}", kind="never-there", hint=f"loopline propose {ref} --to {number} --why …",
        ref=str(ref), number=number,
    )  # fmt: skip


def _as_of(past: Sequence[Moved], time: int, written: str) -> Moment:
    ref = past[0].ref
    at = max((place for place, one in enumerate(past) if one.at > time), default=None)
    if at is None:
        raise _is_there(ref, f"has not moved since {written}")
    then = past[at].old
    if then is None:
        raise _never(ref, f"did not exist at {written}")
    if then == past[0].new:
        raise _is_there(ref, f"stood at {then} at {written}, and is there")
    stands = [one for one in in_force(past) if one <= at]
    if not stands or past[stands[-1]].old != then:
        raise _taken_back(past, at)
    return _moment(past, at, free=False)


def _moment(past: Sequence[Moved], at: int, *, again: str = "", free: bool = True, notes: Sequence[str] = ()) -> Moment:
    stand = {past[one].change for one in in_force(past)}
    gone = frozenset(one.change for one in past[: at + 1] if one.change not in stand)
    older = past[at + 1].seq if at + 1 < len(past) else 0
    return Moment(
        past[at].seq - 1, older, past[at].old, gone - {again}, again=again, free=free, notes=tuple(notes)
    )  # fmt: skip


def _nothing(ref: RefName, what: str) -> NotFound:
    return NotFound(f"{ref} {what}", kind="nothing-to-undo", hint=f"loopline history {ref}", ref=str(ref))


def _never(ref: RefName, what: str) -> NotFound:
    return NotFound(f"{ref} {what}", kind="never-there", hint=f"loopline history {ref}", ref=str(ref))


def _is_there(ref: RefName, what: str) -> Invalid:
    return Invalid(f"{ref} {what}", kind="nothing-to-move", hint=f"loopline history {ref}", ref=str(ref))


def _taken_back(past: Sequence[Moved], at: int) -> Conflict:
    """Say that going there would be going forward: a rollback has taken it back, the first one since."""
    ref, by = past[at].ref, next(one for one in reversed(past[: at + 1]) if one.kind == "rollback")
    return Conflict(
        f"what stood at {ref} then was taken back by change {brief(by.change)}", kind="taken-back",
        hint=f"loopline rollback {ref} --change {brief(by.change)} --why …, which takes that rollback back",
        ref=str(ref), change=by.change,
    )  # fmt: skip
