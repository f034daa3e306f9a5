"""schedule: which steps may run next, as a machine without clock, threads or I/O.

Whoever drives an executor asks `ready`, starts those, and tells each outcome; the answer names the nodes that were
settled by it without running: found in the cache now that their inputs are known, or skipped behind a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from loopline.nouns.run import Link
from loopline.pipelines.arguments import Leaf, OutputOf
from loopline.pipelines.graph import Node
from loopline.pipelines.plan import Known, Plan, Planned, Planner, inputs_of


class Stage(StrEnum):
    """Where a node stands. FAILED: its code raised. CRASHED: its process died. SKIPPED: it lacks an input."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    CACHED = "cached"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def over(self) -> bool:
        """Whether nothing will become of it any more."""
        return self not in (Stage.WAITING, Stage.READY, Stage.RUNNING)

    @property
    def good(self) -> bool:
        """Whether its outputs can be used."""
        return self in (Stage.FINISHED, Stage.CACHED)


class Schedule:
    """One run of a plan. One thread uses it."""

    def __init__(
        self, plan: Plan, planner: Planner, *, lives: int = 1, durations: Mapping[str, float] | None = None
    ) -> None:
        self.plan = plan
        self._planner = planner
        self._lives = lives
        """How often a node is started again after its process died."""
        self._nodes = {node.id: node for node in plan.graph.nodes}
        self._dependants = plan.graph.dependants()
        self._planned = {one.node: one for one in plan.nodes}
        self._stages = {node.id: Stage.WAITING for node in plan.graph.nodes}
        self._made: dict[str, dict[str, Link]] = {}
        self._deaths: dict[str, int] = {}
        self._ready: dict[str, None] = {}
        self._urgency = self._urgencies(durations or {})
        self._stopped = False
        for one in plan.nodes:
            self._place(one)

    @property
    def stages(self) -> Mapping[str, Stage]:
        """Where each node stands now."""
        return dict(self._stages)

    @property
    def over(self) -> bool:
        """Whether every node is settled."""
        return all(stage.over for stage in self._stages.values())

    @property
    def good(self) -> bool:
        """Whether every node has outputs that can be used."""
        return all(stage.good for stage in self._stages.values())

    def ready(self) -> list[Node]:
        """Give the nodes that may start now, the most urgent first; each is given once and counts as running."""
        names = sorted(self._ready, key=lambda name: -self._urgency[name])
        self._ready.clear()
        for name in names:
            self._stages[name] = Stage.RUNNING
        return [self._nodes[name] for name in names]

    def planned(self, node: str) -> Planned:
        """Say what is decided about a node; once its inputs are known that has its key."""
        return self._planned[node]

    def inputs(self, node: str) -> dict[Leaf, Link | None]:
        """Give the inputs of a node that is ready, running or over with good outputs."""
        return inputs_of(self._nodes[node], self.plan.assets, self._made)

    def outputs(self, node: str) -> tuple[Link, ...]:
        """Give what a node made; nothing unless it is finished or cached."""
        return tuple(self._made.get(node, {}).values())

    def published(self) -> tuple[tuple[str, OutputOf, Link], ...]:
        """Give what is to be published, by asset; only the outputs that are there."""
        rows = self.plan.graph.publish
        return tuple((asset, of, self._made[of.node][of.name]) for asset, of in rows if of.node in self._made)

    def finished(self, node: str, outputs: Iterable[Link]) -> tuple[str, ...]:
        """Take the outputs of a node that ran. Give the nodes that are cached now that these are known."""
        if self._stages[node].over:
            return ()
        self._settle(node, Stage.FINISHED, outputs)
        return self._follow(node)

    def failed(self, node: str) -> tuple[str, ...]:
        """Note that a node's code raised. Give the nodes that are skipped for it; others go on."""
        return self._lose(node, Stage.FAILED)

    def died(self, node: str) -> tuple[str, ...]:
        """Note that a node's process died: it becomes ready again, or has crashed. Give the nodes that are skipped."""
        if self._stages[node] is not Stage.RUNNING:
            return ()
        self._deaths[node] = self._deaths.get(node, 0) + 1
        if self._deaths[node] <= self._lives and not self._stopped:
            self._stages[node] = Stage.READY
            self._ready[node] = None
            return ()
        return self._lose(node, Stage.CRASHED)

    def cancelled(self, node: str) -> tuple[str, ...]:
        """Note that a node was cancelled. Give the nodes that are skipped for it."""
        return self._lose(node, Stage.CANCELLED)

    def cancel(self) -> tuple[str, ...]:
        """Start nothing more: what has not begun is cancelled, and named. What runs is for the caller to end."""
        self._stopped = True
        self._ready.clear()
        gone = tuple(name for name, stage in self._stages.items() if stage in (Stage.WAITING, Stage.READY))
        for name in gone:
            self._stages[name] = Stage.CANCELLED
        return gone

    def _place(self, one: Planned) -> None:
        """Put a node where the plan has it."""
        match one.standing:
            case "cached":
                known = one.known or Known(())
                self._settle(one.node, Stage.CACHED, known.outputs)
            case "run":
                self._stages[one.node] = Stage.READY
                self._ready[one.node] = None
            case "waits":
                pass

    def _settle(self, node: str, stage: Stage, outputs: Iterable[Link]) -> None:
        self._stages[node] = stage
        self._made[node] = {link.name: link for link in outputs}

    def _follow(self, node: str) -> tuple[str, ...]:
        """Decide about the nodes whose inputs are all known now, and about those behind the ones that are cached."""
        cached: list[str] = []
        todo = list(self._dependants[node])
        while todo:
            name = todo.pop(0)
            known = all(need in self._made for need in self._nodes[name].needs)
            if self._stages[name] is not Stage.WAITING or not known:
                continue
            planned = self._planned[name] = self._planner.decide(self._nodes[name], self.inputs(name))
            self._place(planned)
            if planned.standing == "cached":
                cached.append(name)
                todo.extend(self._dependants[name])
        return tuple(cached)

    def _lose(self, node: str, stage: Stage) -> tuple[str, ...]:
        if self._stages[node].over:
            return ()
        self._stages[node] = stage
        self._ready.pop(node, None)
        skipped: dict[str, None] = {}
        todo = list(self._dependants[node])
        while todo:
            name = todo.pop()
            if not self._stages[name].over:
                self._stages[name] = Stage.SKIPPED
                self._ready.pop(name, None)
                skipped[name] = None
                todo.extend(self._dependants[name])
        return tuple(name for name in self._nodes if name in skipped)

    def _urgencies(self, durations: Mapping[str, float]) -> dict[str, float]:
        """Say for each node how long everything behind it takes, itself included. An unknown duration counts 1 s."""
        found: dict[str, float] = {}
        for name in reversed(self._nodes):
            behind = max((found[one] for one in self._dependants[name]), default=0.0)
            found[name] = behind + durations.get(name, 1.0)
        return found
