"""discard: forget what is staged on a branch."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from loopline.datasets.overlay import Overlay, edited, note_key
from loopline.errors import Conflict, Unavailable
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.name import RefName
from loopline.verbs.moving import at_home
from loopline.verbs.staged import heads_of, staged, touched_by
from loopline.verbs.staging import TRIES, View, look, refold

MOST: Final = 1_000
"""Paths that are given back."""


def discard(
    loop: Loop,
    ref: Annotated[RefName, "the branch: data/flights@main"],
    *,
    prefix: Annotated[str, "only paths that begin so"] = "",
) -> tuple[Difference, ...]:
    """Forget what is staged on a branch, or below a prefix, and tell what that was.

    The branch's version stays as it is.

    Example:
        loopline discard data/flights@main --prefix tmp/
    """
    at_home(loop, ref.asset)
    for _ in range(TRIES):
        seen = refold(loop, ref)
        view = look(loop, ref)
        gone = staged(loop, ref, prefix=prefix, limit=MOST)
        if loop.ledger.dry:
            return gone
        files, notes = _back(loop, view, prefix)
        made = replace(seen, root=files, notes=notes, base=view.head.number if view.head else None)
        try:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                if prefix:
                    tx.staging.fold(ref.key, made, seen=seen)
                else:
                    tx.staging.clear(ref.key)
                tx.say("staging.discarded", str(ref), prefix=prefix, paths=[one.path for one in gone])
        except Conflict:
            continue
        return gone
    raise Unavailable(f"too many write to {ref} at once", kind="staging-busy", hint="try again", ref=str(ref))


def _back(loop: Loop, view: View, prefix: str) -> tuple[Digest, Digest]:
    """Write the working trees without what is staged below a prefix."""
    before = Overlay(loop.blobs, *heads_of(view), ())
    files: dict[str, Entry | None] = {}
    notes: dict[str, Entry | None] = {}
    for path in touched_by(loop, view, prefix):
        old = before.find(path)
        if not path.endswith("/"):
            files[path] = old.entry if old else None
        notes[note_key(path)] = before.noted(path)
    return edited(loop.blobs, view.root, files), edited(loop.blobs, view.notes, notes)
