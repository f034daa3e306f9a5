"""counting: how much there is of what a server sees to, over all projects, at one moment: what `/metrics` shows.

It is no verb: it is of no project, and what it gives names services and queues alone. Who may read it is decided by whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.nouns.deployment import Deployment
from loopline.verbs.deployed import deployment

if TYPE_CHECKING:
    from loopline.ledger.subscriptions import Backlog
    from loopline.loop import Loop

MOST: Final = 200
"""Deployments that are told one by one, and queues."""
OTHER: Final = "other"
"""What queues beyond that are put together as."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A server's ledger in numbers."""

    tasks: Mapping[tuple[str, str], int]
    """By queue and state."""
    waits_s: Mapping[str, float]
    """Queue → seconds that the oldest of what waits there has waited."""
    runs: Mapping[str, int]
    alerts: Mapping[str, int]
    """Those that are open, by severity."""
    backlog: Backlog
    deployments: Sequence[tuple[str, Deployment]]
    """Each with its project, at most MOST."""
    events: int
    size: int
    """Bytes of the rows."""


def counted(loop: Loop) -> Counted:
    """Count it. Raise Unavailable."""
    with loop.ledger.read() as tx:
        tasks = tx.tasks.counts()
        apart = _largest(tasks)
        waits: dict[str, float] = {}
        for queue, at in tx.tasks.oldest().items():
            name = queue if queue in apart else OTHER
            waits[name] = max(waits.get(name, 0.0), (tx.now - at) / 1e6)
        refs = tx.refs.of_kind("service", limit=MOST)
        homes = [(ref.name.asset.project, ref) for ref in refs]
        return Counted(
            tasks=_put_together(tasks, apart),
            waits_s=waits,
            runs=tx.runs.counts(),
            alerts=tx.alerts.counts(),
            backlog=tx.subscriptions.backlog(),
            deployments=[(home, deployment(tx, replace(loop, project=home), ref)) for home, ref in homes],
            events=tx.feed.events(),
            size=tx.size(),
        )


def _largest(tasks: Mapping[tuple[str, str], int]) -> set[str]:
    """Choose the queues that are told one by one: anybody may name one, and a series is for ever."""
    sizes: dict[str, int] = {}
    for (queue, _), number in tasks.items():
        sizes[queue] = sizes.get(queue, 0) + number
    return set(sorted(sizes, key=lambda queue: (-sizes[queue], queue))[:MOST])


def _put_together(tasks: Mapping[tuple[str, str], int], apart: set[str]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for (queue, state), number in tasks.items():
        key = (queue if queue in apart else OTHER, state)
        found[key] = found.get(key, 0) + number
    return found
