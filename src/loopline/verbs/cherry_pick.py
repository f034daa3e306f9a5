"""cherry_pick: what one version has changed, on another ref as well."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.merge import Merge
from loopline.nouns.name import Pointer, RefName
from loopline.verbs.basing import of_pick
from loopline.verbs.merging import carry


def cherry_pick(
    loop: Loop,
    version: Annotated[Pointer, "whose changes: data/flights@7"],
    into: Annotated[RefName, "the ref that gets them: data/flights@july"],
    *,
    message: Annotated[str, "-m", "what is new; without it, what the version says"] = "",
    parent: Annotated[int | None, "of a merge: the parent against which it is held"] = None,
) -> Merge:
    """Bring what one version has changed to another ref, and nothing else of its line: a new version there.

    What the ref has changed in other ways clashes, as in a merge.

    Example:
        loopline cherry-pick data/flights@7 data/flights@july
    """
    return carry(loop, lambda tx: of_pick(tx, loop, version, into, parent=parent, message=message))
