"""commit: make what is staged on a branch its next version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from loopline.datasets.tree import EMPTY, build
from loopline.errors import Conflict, Invalid, Unavailable
from loopline.ledger.ledger import Tables, Writing
from loopline.loop import Loop
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.change import ChangeState, Move, Published
from loopline.nouns.digest import Digest
from loopline.nouns.name import RefName
from loopline.verbs.instants import instant
from loopline.verbs.moving import Plan, at_home, begin
from loopline.verbs.put import NO_METADATA
from loopline.verbs.staging import NOTES, TRIES, View, notes_of, refold, seen


def commit(
    loop: Loop,
    ref: Annotated[RefName, "the branch: data/flights@main"],
    *,
    message: Annotated[str, "-m", "what is new"] = "",
    allow_empty: Annotated[bool, "publish a version also where nothing is staged"] = False,
    metadata: Annotated[Mapping[str, Any], "what the data say about themselves"] = NO_METADATA,
    event_time: Annotated[
        int | None, "the time that the data are about: 2026-07-31, 2026-07-31T09:30 (UTC), or microseconds", instant
    ] = None,
) -> Published:
    """Publish what is staged on a branch as its next version.

    What clients of S3 have written is staged until somebody commits it; what they write meanwhile stays staged. Where a policy
    speaks of the branch, the move waits for it, and what is staged stays visible to those who read the branch with it.

    Example:
        loopline commit data/flights@main --message "July, as the export wrote it"
    """
    at_home(loop, ref.asset)
    if NOTES in metadata:
        raise Invalid(
            f"{NOTES!r} is not yours to say", kind="bad-metadata", hint="choose another name", asset=str(ref.asset)
        )
    for _ in range(TRIES):
        made = refold(loop, ref)
        try:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.projects.ensure(loop.project)
                tx.staging.hold(ref.key)
                view = seen(tx, ref, None)
                if loop.ledger.dry:
                    view = replace(view, working=made, rows=())
                if view.behind:
                    raise Conflict(f"{ref} has moved", kind="staging-moved", hint="read it again", owner=ref.key)
                return _published(
                    tx, loop, view, message=message, metadata=metadata, event_time=event_time, empty=allow_empty
                )  # fmt: skip
        except Conflict as error:
            if error.kind != "staging-moved":
                raise
    raise Unavailable(f"too many write to {ref} at once", kind="staging-busy", hint="try again", ref=str(ref))


def _published(
    tx: Writing,
    loop: Loop,
    view: View,
    *,
    message: str,
    metadata: Mapping[str, Any],
    event_time: int | None,
    empty: bool,
) -> Published:
    ref, head, tree, notes = view.ref, view.head, view.root, view.notes
    if tree is None and empty:
        tree = build(loop.blobs, ())
    if ref is None or tree is None:
        raise Conflict(
            f"nothing is staged on {ref}", kind="nothing-staged", hint="write files to it first", ref=str(ref)
        )
    if not empty and head and head.artifact.digest == tree and (notes or EMPTY) == (notes_of(head) or EMPTY):
        tx.staging.settle(ref.key)
        tx.say("version.unchanged", str(head), digest=tree, ref=str(ref))
        return Published(head)
    waiting = _waiting(tx, loop, view, tree)
    if waiting is not None:
        tx.say("version.unchanged", str(waiting.version), digest=tree, ref=str(ref))
        return waiting
    version = tx.versions.publish(
        ref.asset, Artifact(tree, TREE, loop.blobs.size(tree) or 0), author=str(loop.actor), message=message,
        parents=[head.number] if head else [], event_time=event_time,
        metadata={**metadata, **({NOTES: notes} if notes and notes != EMPTY else {})},
    )  # fmt: skip
    move = Move(ref, head.number if head else None, version.number)
    change = begin(tx, loop, Plan((move,), message or f"commit {version}"))
    if change.state is ChangeState.APPLIED:
        tx.staging.settle(ref.key)
    tx.say(tx.kind, change.id, version=str(version), digest=tree)
    return Published(version, change)


def _waiting(tx: Tables, loop: Loop, view: View, tree: Digest) -> Published | None:
    """Find the same files and notes where a change already asks its policy to let the branch move to them from here."""
    old = view.head.number if view.head else None
    for change in tx.changes.list(loop.project, open_only=True, ref=view.ref):
        for move in change.moves:
            if move.ref == view.ref and move.old == old and move.new is not None:
                version = tx.versions.get(move.ref.asset, move.new)
                if version.artifact.digest == tree and (notes_of(version) or EMPTY) == (view.notes or EMPTY):
                    return Published(version, change)
    return None
