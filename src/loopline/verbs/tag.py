"""tag: a ref that never moves."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict, Invalid
from loopline.loop import Loop
from loopline.nouns.change import Change, Move
from loopline.nouns.name import Pointer, RefName
from loopline.nouns.ref import FIXED
from loopline.verbs.moving import Plan, at_home, begin


def tag(
    loop: Loop,
    name: Annotated[str, "how the version is called from now on: v1.0"],
    version: Annotated[Pointer, "data/flights@7"],
    *,
    why: Annotated[str, "the reason"] = "",
    delete: Annotated[bool, "take the name away instead; the version stays"] = False,
) -> Change:
    """Give a version of an asset a name that stays: a fixed ref, which nothing moves.

    With --delete it is taken away, by a change as any other, which policies may hold. Services have none: each of their refs is a
    deployment. Tags of runs are another thing: see `log`.

    Example:
        loopline tag v1.0 data/flights@7
    """
    ref = RefName(at_home(loop, version.asset), name)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if delete:
            here = tx.refs.get(ref)
            if not here.fixed:
                raise Invalid(
                    f"{ref} is no fixed ref",
                    kind="not-fixed",
                    hint=f"loopline propose {ref} --delete --why …",
                    ref=str(ref),
                )
            return begin(tx, loop, Plan((Move(ref, here.target, None),), why or f"delete {ref}"))
        if ref.asset.kind == "service":
            raise Invalid(
                "a ref of a service is a deployment: its name would start processes", kind="tag-of-service",
                hint="name the version by its number or its digest", ref=str(ref),
            )  # fmt: skip
        target, taken = tx.versions.resolve(version), tx.refs.find(ref)
        if taken is not None:
            raise Conflict(
                f"{ref} is already there",
                kind="ref-exists",
                hint="choose another name",
                ref=str(ref),
                found=taken.target,
            )
        return begin(tx, loop, Plan((Move(ref, None, target.number, FIXED),), why or f"{name} is {target}"))
