"""tallying: what a whole trace has taken, from what its spans say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

N = TypeVar("N", int, float)


def total(nodes: Iterable[tuple[str, str | None, Mapping[str, N] | None]]) -> dict[str, N]:
    """Add up the measures of spans (id, parent, measures) by name.

    A span that says something speaks for all that is inside of it: frameworks write the sum of their calls on the span around
    them, and each call would count twice. A span that is inside of itself counts once.
    """
    every: dict[str, tuple[str | None, Mapping[str, N] | None]] = {
        name: (parent, measures) for name, parent, measures in nodes
    }
    inside: dict[str, list[str]] = {}
    roots: list[str] = []
    for name, (parent, _) in every.items():
        if parent and parent in every:
            inside.setdefault(parent, []).append(name)
        else:
            roots.append(name)
    sums: dict[str, N] = {}
    seen: set[str] = set()
    for start in (*roots, *every):  # spans that only name each other have no root
        waiting = [] if start in seen else [start]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            measures = every[name][1]
            if measures is None:
                waiting += inside.get(name, ())
                continue
            for key, value in measures.items():
                sums[key] = sums[key] + value if key in sums else value
            seen |= _all_inside(name, inside)
    return sums


def _all_inside(name: str, inside: Mapping[str, list[str]]) -> set[str]:
    found, waiting = {name}, [name]
    while waiting:
        for child in inside.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
