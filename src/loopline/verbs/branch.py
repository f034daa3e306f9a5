"""branch: begin a line of versions of its own."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict
from loopline.loop import Loop
from loopline.nouns.change import Change, Move
from loopline.nouns.name import AssetName, Named, Pointer, RefName, Revision
from loopline.verbs.moving import Plan, begin


def branch(
    loop: Loop,
    asset: Annotated[AssetName, "data/flights"],
    name: Annotated[str, "name of the new branch"],
    *,
    at: Annotated[Revision, "where it begins"] = Named("main"),  # noqa: B008 (a frozen value)
    delete: Annotated[bool, "remove the branch instead; its versions stay"] = False,
) -> Change:
    """Make a branch of an asset, or remove one.

    Example:
        loopline branch data/flights units
    """
    ref = RefName(asset, name)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if delete:
            move = Move(ref, tx.refs.get(ref).target, None)
            return begin(tx, loop, Plan((move,), f"delete {ref}"))
        here = tx.refs.find(ref)
        if here is not None:
            raise Conflict(
                f"{ref} is already there",
                kind="ref-exists",
                hint=f"loopline checkout {ref}",
                ref=str(ref),
                found=here.target,
            )
        target = tx.versions.resolve(Pointer(asset, at))
        return begin(tx, loop, Plan((Move(ref, None, target.number),), f"branch from {target}"))
