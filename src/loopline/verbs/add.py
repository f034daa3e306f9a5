"""add: publish files as the next version of a data asset, on a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from loopline.errors import Conflict, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.change import Move, Published
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, RefName
from loopline.store.leased import hold_on
from loopline.verbs.instants import instant
from loopline.verbs.moving import Plan, at_home, begin
from loopline.verbs.put import NO_METADATA
from loopline.verbs.staging import NOTES, notes_of


def add(
    loop: Loop,
    asset: Annotated[AssetName, "data/flights"],
    *,
    tree: Annotated[Digest, "root of the files; its bytes must be in the store"],
    branch: Annotated[str, "the branch that moves"] = "main",
    message: Annotated[str, "what is new"] = "",
    expect: Annotated[int | None, "version that the branch must still stand at"] = None,
    metadata: Annotated[Mapping[str, Any], "what the data say about themselves"] = NO_METADATA,
    event_time: Annotated[
        int | None, "the time that the data are about: 2026-07-31, 2026-07-31T09:30 (UTC), or microseconds", instant
    ] = None,
) -> Published:
    """Publish a tree of files as the next version and move a branch to it.

    The same files as the branch already has publish nothing. Where a policy speaks of the branch, the move waits for it.

    Example:
        loopline add data/flights --message "January to June"
    """
    at_home(loop, asset)
    hold_on(loop.blobs)
    size = loop.blobs.size(tree)
    if size is None:
        raise NotFound(f"{tree} is not in the store", kind="blob-missing", hint="upload it first", digest=tree)
    ref = RefName(asset, branch)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        here = tx.refs.find(ref)
        old = here.target if here else None
        if expect is not None and old != expect:
            raise Conflict(
                f"{ref} has moved", kind="ref-moved", hint=f"loopline checkout {ref}, then add again", ref=str(ref),
                expected=expect, found=old,
            )  # fmt: skip
        if old is not None:
            current = tx.versions.get(asset, old)
            if current.artifact.digest == tree:
                tx.say("version.unchanged", str(current), digest=tree, ref=str(ref))
                return Published(current)
        waiting = _waiting(tx, loop, ref, old, tree)
        if waiting is not None:
            tx.say("version.unchanged", str(waiting.version), digest=tree, ref=str(ref))
            return waiting
        noted = (
            notes_of(tx.versions.get(asset, old)) if old else None
        )  # content types and metadata stay with their paths
        version = tx.versions.publish(
            asset, Artifact(tree, TREE, size), author=str(loop.actor), message=message, parents=[old] if old else [],
            metadata={**({NOTES: noted} if noted else {}), **metadata}, event_time=event_time,
        )  # fmt: skip
        change = begin(tx, loop, Plan((Move(ref, old, version.number),), message or f"add {version}"))
        tx.say(tx.kind, change.id, version=str(version), digest=tree)
    return Published(version, change)


def _waiting(tx: Tables, loop: Loop, ref: RefName, old: int | None, tree: Digest) -> Published | None:
    """Find the same files where a change already asks its policy to let the branch move to them from here."""
    for change in tx.changes.list(loop.project, open_only=True, ref=ref):
        for move in change.moves:
            if move.ref == ref and move.old == old and move.new is not None:
                version = tx.versions.get(ref.asset, move.new)
                if version.artifact.digest == tree:
                    return Published(version, change)
    return None
