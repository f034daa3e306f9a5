"""steps: what the steps of a pipeline did, as a timeline and as a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from loopline.faces.web.charts.graph import Node, Stretch, dag, timeline
from loopline.faces.web.charts.layers import layers
from loopline.faces.web.words import span
from loopline.nouns.run import Run, RunState

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Steps:
    """The steps of a pipeline, in the order in which they began."""

    runs: tuple[Run, ...]
    origins: Mapping[str, Run] = field(default_factory=dict)
    """For a step from the cache: the run whose outputs it took."""

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Say which step took something that another one made: by the bytes, or by the name `step.output`."""
        made = {link.digest: one.id for one in self.runs for link in one.outputs}
        names = {one.name: one.id for one in self.runs}
        found = []
        for one in self.runs:
            for link in one.inputs:
                by_name = names.get(link.name.partition(".")[0]) if "." in link.name else None
                source = by_name or made.get(link.digest)
                if source and source != one.id:
                    found.append((source, one.id))
        return tuple(dict.fromkeys(found))

    @cached_property
    def critical(self) -> frozenset[str]:
        """Name the steps that decided how long it took: the longest way through the graph, by the time that each ran."""
        level = layers([one.id for one in self.runs], self.edges)
        before: dict[str, list[str]] = {}
        for a, b in self.edges:
            if level[a] < level[b]:
                before.setdefault(b, []).append(a)
        ends: dict[str, int] = {}
        came: dict[str, str | None] = {}
        for one in sorted(self.runs, key=lambda run: level[run.id]):
            last = max(before.get(one.id, ()), key=lambda name: ends[name], default=None)
            ends[one.id] = (ends[last] if last else 0) + took(one)
            came[one.id] = last
        at = max(ends, key=lambda name: ends[name], default=None)
        path = set()
        while at is not None and ends[at]:
            path.add(at)
            at = came[at]
        return frozenset(one.id for one in self.runs if one.id in path and one.state is not RunState.CACHED)

    @property
    def saved(self) -> int:
        """Give the microseconds that steps from the cache took when they ran."""
        return sum(took(origin) for origin in self.origins.values())

    @property
    def cached(self) -> int:
        """Count the steps from the cache."""
        return sum(one.state is RunState.CACHED for one in self.runs)


def ordered(runs: Sequence[Run]) -> list[Run]:
    """Sort steps by their start."""
    return sorted(runs, key=lambda one: (one.started_at or one.recorded_at, one.id))


def took(run: Run) -> int:
    """Give how long a run took, in microseconds; 0 where that is not known, and for what came from the cache."""
    if run.state is RunState.CACHED or run.started_at is None or run.ended_at is None:
        return 0
    return max(0, run.ended_at - run.started_at)


def note_of(steps: Steps, run: Run) -> str:
    """Say how long a step took, or what it saved."""
    if run.state is RunState.CACHED:
        origin = steps.origins.get(run.id)
        return f"saved {span(took(origin))}" if origin and took(origin) else "cached"
    if run.started_at is None:
        return ""
    return span(took(run)) if run.ended_at else "running"


def timeline_of(steps: Steps, now: int, href: Callable[[str], str]) -> Markup | None:
    """Draw when each step ran; None where there are none."""
    begun = [one for one in steps.runs if one.started_at]
    if not begun:
        return None
    rows = [
        Stretch(
            one.name,
            one.started_at or 0,
            one.ended_at,
            str(one.state),
            note_of(steps, one),
            href(one.id),
            one.id in steps.critical,
        )
        for one in begun
    ]
    return timeline(rows, title="When each step ran", now=now)


def graph_of(steps: Steps, href: Callable[[str], str]) -> Markup | None:
    """Draw which step needs which; None where there are none."""
    if not steps.runs:
        return None
    nodes = [
        Node(one.id, one.name, note_of(steps, one), str(one.state), href(one.id), one.id in steps.critical)
        for one in steps.runs
    ]
    return dag(nodes, steps.edges, title="Which step needs which")
