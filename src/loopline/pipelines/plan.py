"""plan: which steps of a graph are cached, which must run, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from loopline.errors import Invalid
from loopline.nouns.artifact import Artifact
from loopline.nouns.run import Link
from loopline.pipelines.arguments import AssetInput, Leaf, OutputOf, leaves
from loopline.pipelines.graph import Graph, Node
from loopline.pipelines.keys import Keys, Parts, differences

Standing = Literal["cached", "run", "waits"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a step gave when it ran with a key."""

    outputs: tuple[Link, ...]
    run: str = ""
    """The run that made them."""


Lookup = Callable[[str], Known | None]
"""Gives what is known for a key. What it gives must still be in the store."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One node, as far as can be told before anything runs."""

    node: str
    standing: Standing
    why: str
    """For people, in a few words."""
    key: str = ""
    """Empty where it waits: its inputs are not known yet."""
    known: Known | None = None
    parts: Callable[[], Parts] | None = None
    """What the key is made of; None where it waits."""

    def explained(self, last: Parts | None) -> tuple[str, ...]:
        """Say what differs from the last run of this step, whose parts are given."""
        if self.standing != "run" or self.parts is None:
            return (self.why,)
        if last is None:
            return (self.why, "it has no earlier run to compare with")
        found = tuple(str(one) for one in differences(last, self.parts()))
        return found or (self.why, "nothing differs from its last run")


class Planner:
    """Decides about one node at a time. `refresh` has steps run again that are known."""

    def __init__(self, keys: Keys, lookup: Lookup, *, refresh: bool = False) -> None:
        self._keys = keys
        self._lookup = lookup
        self._refresh = refresh

    def decide(self, node: Node, inputs: Mapping[Leaf, Link | None]) -> Planned:
        """Say whether a node whose inputs are all known is cached. Raise Invalid for code that cannot be read."""
        key, parts = self._keys.of(node, {leaf: _artifact(link) for leaf, link in inputs.items()})
        if not node.cache:
            return Planned(node.id, "run", "its results are not cached (cache=False)", key, None, parts)
        if self._refresh:
            return Planned(node.id, "run", "it was asked to run again", key, None, parts)
        known = self._lookup(key)
        if known is None:
            return Planned(node.id, "run", "no run with this key has finished", key, None, parts)
        if not set(node.outputs) <= {link.name for link in known.outputs}:
            return Planned(node.id, "run", "what is known of it lacks an output", key, None, parts)
        return Planned(node.id, "cached", "known", key, known, parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph, what it reads, and how each node stands."""

    graph: Graph
    assets: Mapping[str, Link | None]
    """By the name of the asset input; None: the pipeline runs without it."""
    nodes: tuple[Planned, ...]
    """In the graph's order."""

    @property
    def cached(self) -> bool:
        """Whether nothing has to run."""
        return all(one.standing == "cached" for one in self.nodes)


def plan(graph: Graph, assets: Mapping[str, Link | None], planner: Planner) -> Plan:
    """Resolve what is cached as far as that can be known before anything runs.

    A node behind one that must run *waits*: when its inputs come out as they were, it may turn out cached after all.
    Raise Invalid missing-asset where an asset of the graph is not among `assets`.
    """
    missing = [one.name for one in graph.assets if one.name not in assets]
    if missing:
        raise Invalid(
            f"pipeline {graph.pipeline} reads {missing[0]}, which was not looked up",
            kind="missing-asset",
            hint=f"say which version: {missing[0]}=kind/name@revision",
            assets=missing,
        )
    made: dict[str, dict[str, Link]] = {}
    found: list[Planned] = []
    for node in graph.nodes:
        pending = [need for need in node.needs if need not in made]
        if pending:
            found.append(Planned(node.id, "waits", f"waits for {', '.join(pending)}"))
            continue
        planned = planner.decide(node, inputs_of(node, assets, made))
        found.append(planned)
        if planned.known is not None:
            made[node.id] = {link.name: link for link in planned.known.outputs}
    return Plan(graph, dict(assets), tuple(found))


def inputs_of(
    node: Node, assets: Mapping[str, Link | None], made: Mapping[str, Mapping[str, Link]]
) -> dict[Leaf, Link | None]:
    """Give what each output and asset that a node takes is. All of them must be known."""
    found: dict[Leaf, Link | None] = {}
    for _, argument in node.arguments:
        for leaf in leaves(argument):
            match leaf:
                case OutputOf(name, output):
                    found[leaf] = made[name][output]
                case AssetInput(name):
                    found[leaf] = assets[name]
    return found


def _artifact(link: Link | None) -> Artifact | None:
    return None if link is None else Artifact(link.digest, link.media_type, link.size)
