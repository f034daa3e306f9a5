"""revert: a new version that undoes one."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.merge import Merge
from loopline.nouns.name import Pointer, RefName
from loopline.verbs.basing import of_revert
from loopline.verbs.merging import carry


def revert(
    loop: Loop,
    version: Annotated[Pointer, "what is undone: data/flights@7"],
    into: Annotated[RefName | None, "the ref where; without it, main of the same asset"] = None,
    *,
    message: Annotated[str, "-m", "why"] = "",
    parent: Annotated[int | None, "of a merge: the parent whose state comes back"] = None,
) -> Merge:
    """Undo on a ref what one version has changed, and keep all that came after it: a new version, by a merge as any other.

    What was changed again since then clashes. History stays; `rollback` brings a ref itself back, with all that belongs to it.

    Example:
        loopline revert data/flights@7
    """
    ref = into or RefName(version.asset, "main")
    return carry(loop, lambda tx: of_revert(tx, loop, version, ref, parent=parent, message=message))
