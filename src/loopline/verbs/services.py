"""services: what is deployed."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.deployment import Deployment
from loopline.verbs.deployed import deployment, leftovers
from loopline.verbs.paging import at_most


def services(loop: Loop, *, limit: Annotated[int, "how many at most"] = 100) -> tuple[Deployment, ...]:
    """List deployments: what should be served, what answers now, where, how it does, and which models have moved on since.

    Example:
        loopline services
    """
    at_most(limit, paged=False)
    with loop.ledger.read() as tx:
        refs = tx.refs.of_kind("service", project=loop.project)
        found = [deployment(tx, loop, ref) for ref in refs[:limit]]
        return (*found, *leftovers(tx, loop.project, {str(ref.name) for ref in refs}))[:limit]
