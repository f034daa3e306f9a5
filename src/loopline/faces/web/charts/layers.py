"""layers: places for the nodes of a graph without circles, from left to right (after Sugiyama, Tagawa and Toda 1981)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in columns and rows."""

    columns: Mapping[str, int]
    rows: Mapping[str, float]
    ways: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]
    """For each edge the (column, row) that it passes between its ends."""
    width: int
    height: float


def layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Give each node the length of the longest way to it. An edge that would close a circle, or leads nowhere, is left out."""
    before = {name: [a for a, b in edges if b == name and a in set(nodes) and a != name] for name in nodes}
    found: dict[str, int] = {}
    walking: set[str] = set()
    for start in nodes:
        stack = [start]
        while stack:
            name = stack[-1]
            if name in found:
                stack.pop()
                continue
            waiting = [one for one in before[name] if one not in found and one not in walking]
            if name not in walking and waiting:
                walking.add(name)
                stack += waiting
                continue
            found[name] = 1 + max((found[one] for one in before[name] if one in found), default=-1)
            walking.discard(name)
            stack.pop()
    return found


def arrange(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """Lay a graph out: columns by longest path, rows by barycentres, long edges through places of their own."""
    level = layers(nodes, edges)
    edges = [(a, b) for a, b in dict.fromkeys(edges) if a in level and b in level and level[a] < level[b]]
    width = max(level.values(), default=-1) + 1
    columns: list[list[str]] = [[] for _ in range(width)]
    for name in nodes:
        columns[level[name]].append(name)
    chains: dict[tuple[str, str], list[str]] = {}
    links: list[tuple[str, str]] = []
    for a, b in edges:
        passed = [f"\0{a}\0{b}\0{column}" for column in range(level[a] + 1, level[b])]
        for column, name in enumerate(passed, start=level[a] + 1):
            columns[column].append(name)
        chains[a, b] = passed
        links += zip([a, *passed], [*passed, b], strict=True)
    _order(columns, links)
    rows = _rows(columns, links)
    ways = {
        edge: tuple((level[edge[0]] + 1 + i, rows[name]) for i, name in enumerate(passed)) for edge, passed in chains.items()
    }  # fmt: skip
    return Layout(level, {name: rows[name] for name in nodes}, ways, width, max(rows.values(), default=0) + 1)


def crossings(columns: Sequence[Sequence[str]], links: Sequence[tuple[str, str]]) -> int:
    """Count the edges that cross."""
    place = {name: i for column in columns for i, name in enumerate(column)}
    side = {name: i for i, column in enumerate(columns) for name in column}
    total = 0
    for column in range(len(columns) - 1):
        here = sorted((place[a], place[b]) for a, b in links if side[a] == column)
        total += sum(
            here[i][1] > here[j][1]
            for i in range(len(here))
            for j in range(i + 1, len(here))
            if here[i][0] < here[j][0]
        )
    return total


def _order(columns: list[list[str]], links: Sequence[tuple[str, str]]) -> None:
    """Sort every column by the middle of its neighbours, forth and back, and keep the order with the fewest crossings."""
    after: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}
    for a, b in links:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)
    small = len(links) <= 400
    best, fewest = [list(column) for column in columns], crossings(columns, links) if small else 0
    for sweep in range(SWEEPS):
        if small and not fewest:
            break
        forth = sweep % 2 == 0
        order = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for number in order:
            beside = columns[number - 1 if forth else number + 1]
            place = {name: float(i) for i, name in enumerate(beside)}
            near = before if forth else after
            middle = {
                name: sum(place[one] for one in near[name]) / len(near[name]) if near.get(name) else float(i)
                for i, name in enumerate(columns[number])
            }  # fmt: skip
            columns[number].sort(key=middle.__getitem__)
        count = crossings(columns, links) if small else 0
        if count <= fewest:
            best, fewest = [list(column) for column in columns], count
    columns[:] = best


def _rows(columns: Sequence[Sequence[str]], links: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Give every node a row, one at least from its neighbours in the column, as near to what it hangs on as that allows."""
    near: dict[str, list[str]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    tallest = max((len(column) for column in columns), default=0)
    rows = {name: i + (tallest - len(column)) / 2 for column in columns for i, name in enumerate(column)}
    for _ in range(4):
        for column in columns:
            wanted = [
                sum(rows[one] for one in near[name]) / len(near[name]) if near.get(name) else rows[name]
                for name in column
            ]
            rows.update(zip(column, apart(wanted), strict=True))
    lowest = min(rows.values(), default=0)
    return {name: row - lowest for name, row in rows.items()}


def apart(wanted: Sequence[float]) -> list[float]:
    """Move places apart until each is one from the next, as little as possible, keeping the order (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for i, value in enumerate(wanted):
        pools.append((value - i, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    placed: list[float] = []
    for value, count in pools:
        placed += [value + len(placed) + i for i in range(count)]
    return placed
