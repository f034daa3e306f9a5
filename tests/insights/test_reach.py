from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping

import pytest

from loopline.insights import reach
from loopline.insights.reach import NEVER, Track, reached


def history(
    parents: Mapping[int, tuple[int, ...]], asked: list[tuple[int, int]]
) -> Callable[[int, int], Iterable[tuple[int, int]]]:
    """Give the edges of a graph, and keep what was asked."""

    def edges(low: int, high: int) -> Iterable[tuple[int, int]]:
        asked.append((low, high))
        return [(at, one) for at in range(high, low - 1, -1) for one in parents.get(at, ())]

    return edges


def ancestors(parents: Mapping[int, tuple[int, ...]], of: int) -> set[int]:
    """Everything that a version reaches, itself included."""
    found, waiting = set(), [of]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += parents.get(here, ())
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_unit_belongs_to_the_first_deployment_that_reaches_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any history with merges, branches, rollbacks and several roots gives reach(d.to) minus all earlier reaches."""
    monkeypatch.setattr(reach, "FIRST", 3)
    monkeypatch.setattr(reach, "MOST", 5)
    dice = random.Random(seed)
    size = dice.randint(1, 40)
    parents = {
        at: tuple({dice.randint(max(1, at - 6), at - 1) for _ in range(dice.randint(0, 2))})
        for at in range(2, size + 1)
    }
    tracks = [
        Track([dice.randint(1, size) for _ in range(dice.randint(0, 8))], since=dice.randint(0, 4)) for _ in range(3)
    ]
    walk = reached(history(parents, []), tracks)
    for place, track in enumerate(tracks):
        seen: set[int] = set()
        wanted = []
        for at, target in enumerate(track.targets):
            new = ancestors(parents, target) - seen
            seen |= new
            wanted += [(one, at) for one in new if at >= track.since]
        assert sorted(walk.units(place, track.since)) == sorted(wanted)


def test_the_walk_stops_where_the_window_has_nothing_below() -> None:
    """Of a million commits in a line only those near the window are read."""
    asked: list[tuple[int, int]] = []
    top = 1_000_000
    parents = {at: (at - 1,) for at in range(980_000, top + 1)}
    walk = reached(history(parents, asked), [Track([990_000, 999_990, top], since=1)])
    assert len(list(walk.units(0, 1))) == top - 990_000
    assert min(low for low, _ in asked) > 980_000


def test_without_deployments_nothing_is_read() -> None:
    """No ref, no walk."""
    asked: list[tuple[int, int]] = []
    assert reached(history({}, asked), [Track([])]).first == [[NEVER]]
    assert asked == []
