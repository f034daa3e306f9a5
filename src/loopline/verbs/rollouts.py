"""rollouts: what rolls, and what has rolled."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.name import parse_ref
from loopline.nouns.rollout import Rollout
from loopline.verbs.moving import at_home
from loopline.verbs.paging import at_most


def rollouts(
    loop: Loop,
    what: Annotated[str, "a deployment, service/delay@prod, or a change's first digits; everything when left out"] = "",
    *,
    after: Annotated[str, "go on behind this: what an answer gave as its `next`"] = "",
    limit: Annotated[int, "how many at most"] = 20,
) -> tuple[Rollout, ...]:
    """Tell what rolls and what has rolled, newest first: how far it has come, how it is judged, and why it stands there.

    Example:
        loopline rollouts service/delay@prod
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        if what and "/" not in what:
            return (tx.rollouts.get(tx.changes.resolve(loop.project, what).id),)
        ref = parse_ref(what, project=loop.project) if what else None
        if ref:
            at_home(loop, ref.asset)
        return tuple(tx.rollouts.list(loop.project, ref=str(ref or ""), limit=limit, after=after))
