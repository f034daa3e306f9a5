"""staged: what a commit would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.datasets.overlay import Overlay, changes, noted_path
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference
from loopline.nouns.name import RefName
from loopline.verbs.paging import at_most
from loopline.verbs.staging import look, notes_of

if TYPE_CHECKING:
    from loopline.verbs.staging import View


def staged(
    loop: Loop,
    ref: Annotated[RefName, "the branch: data/flights@main"],
    *,
    prefix: Annotated[str, "only paths that begin so"] = "",
    after: Annotated[str, "go on behind this path"] = "",
    limit: Annotated[int, "how many at most"] = 1000,
) -> tuple[Difference, ...]:
    """List what is staged on a branch: the paths that its next commit would add, change or remove.

    A path whose bytes stay and whose notes change (a content type, metadata) has the same entry before and after. One that ends
    with `/` is a folder that is kept though nothing is in it.

    Example:
        loopline staged data/flights@main
    """
    at_most(limit)
    view = look(loop, ref)
    before, now = (Overlay(loop.blobs, *heads_of(view), ()), view.overlay(loop))
    told: list[Difference] = []
    for path in sorted(path for path in touched_by(loop, view, prefix) if path > after):
        old, new = before.find(path), now.find(path)
        same = old and new and old.entry == new.entry and before.notes(old) == now.notes(new)
        if (old or new) and not same:
            told.append(Difference(path, old.entry if old else None, new.entry if new else None))
        if len(told) == limit:
            break
    return tuple(told)


def heads_of(view: View) -> tuple[Digest | None, Digest | None]:
    """Give the trees of files and notes that the branch stands at."""
    return (view.head.artifact.digest if view.head else None), notes_of(view.head)


def touched_by(loop: Loop, view: View, prefix: str = "") -> set[str]:
    """Give the paths about which something is staged."""
    files, notes = heads_of(view)
    paths = {one.path for one in changes(loop.blobs, files, view.root, prefix)}
    paths.update(noted_path(one.path) for one in changes(loop.blobs, notes, view.notes))
    under = Overlay(loop.blobs, view.root, view.notes, ())
    for row in view.rows:
        paths.update([found.path for found in under.iter(row.path)] if row.whole else [row.path])
    return {path for path in paths if path.startswith(prefix)}
