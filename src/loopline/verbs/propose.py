"""propose: write down that a ref should move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeKind, Move
from loopline.nouns.name import RefName, Revision, parse_pointer, parse_ref, parse_revision
from loopline.verbs.moving import Plan, aim, begin
from loopline.verbs.start import NOTHING
from loopline.verbs.together import together as with_lineage


def propose(
    loop: Loop,
    ref: Annotated[RefName, "what should move: model/delay@champion"],
    *,
    to: Annotated[Revision | None, "where: a number, another ref, a digest, latest"] = None,
    why: Annotated[str, "the reason, for whoever reviews it"],
    also: Annotated[
        Mapping[str, str], "further refs that move in the same change, all or none: REF=REVISION"
    ] = NOTHING,
    together: Annotated[
        bool, "also move the same ref of the data, code and environment that the version was made from"
    ] = False,
    kind: Annotated[ChangeKind, "what sort of change"] = "planned",
    tier: Annotated[str | None, "make the ref a deployment of this tier: production, staging"] = None,
    delete: Annotated[bool, "the ref should go"] = False,
    lift: Annotated[bool, "lift the quarantine of the version"] = False,
) -> Change:
    """Propose that a ref moves, with a reason.

    Where a policy speaks of the ref, the change waits for its checks and approvals. Where none does, the ref moves now.

    Example:
        loopline propose model/delay@champion --to 2 --why "trained with the July data"
    """
    if (to is None) == (not delete):
        raise Invalid(
            "say where the ref should point", kind="no-target", hint="give --to REVISION, or --delete", ref=str(ref)
        )
    if delete and (together or lift or tier is not None):
        raise Invalid(
            "a ref that goes takes nothing with it", kind="not-with-delete", hint="leave out --together, --lift and --tier",
            ref=str(ref),
        )  # fmt: skip
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if to is None:
            moves: tuple[Move, ...] = (Move(ref, tx.refs.get(ref).target, None),)
        else:
            moves = (aim(tx, ref, to, tier=tier),)
            if together:
                moves += with_lineage(tx, loop, moves[0])
        for name, revision in also.items():
            other = parse_ref(name, project=loop.project)
            moves += (aim(tx, other, _revision_of(other, revision)),)
        return begin(tx, loop, Plan(moves, why, kind=kind, lift=lift))


def _revision_of(ref: RefName, text: str) -> Revision:
    """Take `7`, `champion` or `model/delay@7`; the last must be of the ref's own asset."""
    if "/" not in text:
        return parse_revision(text)
    pointer = parse_pointer(text, project=ref.asset.project)
    if pointer.asset != ref.asset:
        raise Invalid(
            f"{ref} cannot point at {text}",
            kind="other-asset",
            hint=f"name a version of {ref.asset}",
            ref=str(ref),
            text=text,
        )
    return pointer.revision
