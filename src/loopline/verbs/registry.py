"""registry: models entered, named and taken away as registries do it; shared by the faces whose protocol has one.

A *model* is an asset that may have no version yet. What is current of it are refs: several of them move by one change, with what
is noted about versions when they have moved, and a model or a version goes with the refs that stand at it, by one change, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.nouns.run import Link
from loopline.store.leased import hold_on
from loopline.verbs.carrying import carry_on, told
from loopline.verbs.moving import Plan, at_home, begin, judge
from loopline.verbs.noting import TEXT

if TYPE_CHECKING:
    from loopline.ledger.assets import Asset
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.version import Version

SOURCE: Final = "source"
"""Where the metadata of a version say from what it was registered, as it was written."""
LOGGED: Final = "logged_model"
"""Where they name the logged model that it was."""
LINK: Final = "run_link"
"""Where they keep the address that somebody gave for its run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes a version of a model."""

    artifact: Artifact
    message: str = ""
    run: str | None = None
    """Whole id of the run that made it."""
    output: str = ""
    """What the run called it, where none of its outputs is known to be these bytes."""
    tags: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    """Which version it becomes, where that is free; else the next one."""


@dataclass(frozen=True, slots=True)
class Notes:
    """Tags of versions that are set, or go, when refs have moved."""

    key: str
    sets: Mapping[int, str] = field(default_factory=dict)
    """Values by number."""
    drops: Sequence[int] = ()


Standing = tuple[Mapping[str, "int | None"], Notes | None]
"""Where refs shall stand by their names (None: nowhere), and what is noted when they do."""


def open_model(
    loop: Loop, asset: AssetName, *, tags: Mapping[str, str], text: str = "", created_at: int | None = None
) -> Asset:
    """Begin a model without a version. Raise Conflict kind="asset-exists".

    Under a name that was deleted it begins anew: what was there stays deleted, and numbers go on from where they were.
    """
    at_home(loop, asset)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        there = tx.assets.find(asset)
        if there is not None:
            raise Conflict(
                f"{asset} is already there", kind="asset-exists", hint="take another name", asset=str(asset),
                tags=tx.taggings.of(there.subject),
            )  # fmt: skip
        again = tx.assets.find(asset, deleted=True) is not None
        if again:
            tx.versions.bury(asset)
        tx.assets.renew(asset, created_at)
        made = tx.assets.get(asset)
        tx.taggings.clear(made.subject)
        tx.taggings.set(made.subject, tags)
        if text:
            tx.assets.tell(asset, text)
        tx.say("model.opened", str(asset), tags=dict(tags), text=text, again=again)
        return tx.assets.get(asset)


def enter(loop: Loop, asset: AssetName, entry: Entry) -> Version:
    """Publish the next version of a model that is there, with tags and text. Raise NotFound. No ref moves."""
    at_home(loop, asset)
    hold_on(loop.blobs)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.assets.get(asset)
        version = tx.versions.publish(
            asset, entry.artifact, author=str(loop.actor), message=entry.message, metadata=entry.metadata, run=entry.run,
            number=entry.number,
        )  # fmt: skip
        subject = tx.versions.subject(version)
        tx.taggings.set(subject, {**entry.tags, **({TEXT: entry.text} if entry.text else {})})
        if entry.run is not None:
            _of_run(tx, entry.run, entry, version)
        tx.say(
            "version.published", str(version), digest=entry.artifact.digest, run=entry.run, message=entry.message,
            tags=dict(entry.tags), text=entry.text,
        )  # fmt: skip
    return version


def _of_run(tx: Writing, run: str, entry: Entry, version: Version) -> None:
    """Let the lineage of a run end at a version: at the output that has its bytes, or at one more."""
    outputs = [one for one in tx.runs.get(run).outputs if one.digest == entry.artifact.digest]
    if any(one.number for one in outputs):
        return  # it became known as another version before
    if outputs:
        tx.lineage.publish(run, outputs[0].name, version.asset, version.number)
    elif entry.output:
        made = entry.artifact
        link = Link(entry.output, made.digest, made.media_type, made.size, str(version.asset), version.number)
        tx.lineage.record(run, project=tx.project, outputs=[link])


def point(
    loop: Loop, asset: AssetName, wanted: Mapping[str, int | None], *, why: str, notes: Notes | None = None
) -> Change | None:
    """Bring refs of a model to versions, or take them away (None), by one change; what is noted holds when they have moved.

    Where a policy holds the change, nothing has moved, and the change that waits is given: asked again, it is judged again.
    None: all of it is so already. Raise NotFound.
    """
    return arrange(loop, asset, lambda _: (wanted, notes), why=why)


def arrange(loop: Loop, asset: AssetName, wish: Callable[[Mapping[str, int]], Standing], *, why: str) -> Change | None:
    """Bring refs to where `wish` wants them, as `point` does: it is told where they stand at the moment when they move."""
    at_home(loop, asset)
    with loop.ledger.read() as tx:
        wanted, notes = wish(_stands(tx, asset))
        if not _moves(tx, asset, wanted) and not _noted(tx, asset, notes):
            return None
    with loop.ledger.write(loop.project, loop.actor) as tx:
        wanted, notes = wish(_stands(tx, asset))
        change = _moved(tx, loop, _moves(tx, asset, wanted), why)
        if change is None or change.state is ChangeState.APPLIED:
            said = _note(tx, asset, notes)
            tx.say(tx.kind or "annotated", tx.subject or str(asset), **({"tagged": said} if said else {}), why=why)
    return change


def strike(loop: Loop, asset: AssetName, number: int | None = None, *, why: str) -> Change | None:
    """Mark a model, or one version of it, as deleted, and take the refs that stand there away by one change.

    Where a policy holds that change, all stays as it is, and the change is given. Raise NotFound.
    """
    at_home(loop, asset)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        refs = tx.refs.of(tx.assets.get(asset).name)
        if number is not None:
            refs = [one for one in refs if one.target == tx.versions.resolve(Pointer(asset, Numbered(number))).number]
        change = _moved(tx, loop, [Move(one.name, one.target, None) for one in refs], why)
        if change is not None and change.state is not ChangeState.APPLIED:
            return change
        if number is None:
            tx.assets.delete(asset)
        else:
            tx.versions.delete(asset, number)
        tx.say("deleted", str(asset) if number is None else f"{asset}@{number}", why=why)
    return change


def _stands(tx: Tables, asset: AssetName) -> dict[str, int]:
    return {one.name.ref: one.target for one in tx.refs.of(tx.assets.get(asset).name)}


def _moves(tx: Tables, asset: AssetName, wanted: Mapping[str, int | None]) -> list[Move]:
    """Give the moves that are still to be made. Raise NotFound for no model, and for no version."""
    tx.assets.get(asset)
    moves = []
    for name, number in wanted.items():
        if number is not None:
            tx.versions.resolve(Pointer(asset, Numbered(number)))
        here = tx.refs.find(RefName(asset, name))
        old = here.target if here else None
        if old != number:
            moves.append(Move(RefName(asset, name), old, number))
    return moves


def _moved(tx: Writing, loop: Loop, moves: Sequence[Move], why: str) -> Change | None:
    """Make moves by one change: by the one that waits for just these, else by a new one. None: nothing is to be moved."""
    if not moves:
        return None
    change = _waiting(tx, loop, moves)
    if change is None:
        change = begin(tx, loop, Plan(tuple(moves), why))
        if change.state is not ChangeState.PROPOSED or change.decision is None or not change.decision.passed:
            return change
    decision = judge(tx, loop, change, phase="apply")
    if decision is None or decision.passed:
        return carry_on(tx, loop, tx.changes.get(change.id))
    tx.say("change.judged", change.id, **told(change))
    return tx.changes.get(change.id)


def _waiting(tx: Tables, loop: Loop, moves: Sequence[Move]) -> Change | None:
    wanted = {(one.ref, one.old, one.new) for one in moves}
    open_ones = tx.changes.list(loop.project, open_only=True, ref=moves[0].ref)
    return next((c for c in open_ones if {(m.ref, m.old, m.new) for m in c.moves} == wanted), None)


def _noted(tx: Tables, asset: AssetName, notes: Notes | None) -> bool:
    """Tell whether something is still to be noted."""
    if notes is None:
        return False
    said = {number: tx.taggings.of(subject).get(notes.key) for number, subject in _subjects(tx, asset, notes).items()}
    return any(said[number] != value for number, value in notes.sets.items()) or any(
        said[number] is not None for number in notes.drops
    )


def _note(tx: Writing, asset: AssetName, notes: Notes | None) -> dict[str, dict[str, str | None]]:
    """Tag versions, and give what was said: by version, with None for a tag that has gone."""
    if notes is None:
        return {}
    subjects = _subjects(tx, asset, notes)
    for number, value in notes.sets.items():
        tx.taggings.set(subjects[number], {notes.key: value})
    gone = [number for number in notes.drops if tx.taggings.drop(subjects[number], (notes.key,))]
    said: dict[int, str | None] = {**notes.sets, **dict.fromkeys(gone)}
    return {f"{asset}@{number}": {notes.key: value} for number, value in said.items()}


def _subjects(tx: Tables, asset: AssetName, notes: Notes) -> dict[int, str]:
    return {n: tx.versions.subject(tx.versions.get(asset, n)) for n in (*notes.sets, *notes.drops)}
