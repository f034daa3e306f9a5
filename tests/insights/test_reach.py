from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import pytest

from loopline.insights import reach
from loopline.insights.reach import NEVER, Piece, Pieces, Span, Track, reached

Parents = Mapping[int, tuple[int, ...]]


def history(parents: Parents, asked: list[tuple[int, int]]) -> Pieces:
    """Give a graph in pieces, and keep what was asked."""

    def pieces(low: int, high: int) -> Piece:
        asked.append((low, high))
        numbers = range(low, high + 1)
        breaks = [at for at in numbers if at - 1 not in parents.get(at, ())]
        return Piece(breaks, [(at, one) for at in reversed(numbers) for one in parents.get(at, ()) if one != at - 1])

    return pieces


def ancestors(parents: Parents, of: int) -> set[int]:
    """Everything that a version reaches, itself included."""
    found, waiting = set(), [of]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += parents.get(here, ())
    return found


def grown(dice: random.Random, size: int) -> Parents:
    """Make a history with lines, branches, merges of several and new roots, of each as much as chance has it."""
    line, far = dice.random(), dice.choice((2, 6, size))
    return {
        at: tuple(
            ({at - 1} if dice.random() < line else set())
            | {dice.randint(max(1, at - far), at - 1) for _ in range(dice.choice((0, 1, 1, 2, 3)))}
        )
        for at in range(2, size + 1)
    }  # fmt: skip


def moved(dice: random.Random, size: int) -> list[int]:
    """Make the targets of a ref: it goes on, is rolled back, goes where it was, or to another branch."""
    found: list[int] = []
    for _ in range(dice.randint(0, 9)):
        back = found and dice.random() < 0.3
        found.append(dice.choice(found) if back else dice.randint(1, size))
    return sorted(found) if dice.random() < 0.3 else found


@pytest.mark.parametrize("seed", range(200))
def test_a_unit_belongs_to_the_first_deployment_that_reaches_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any history with merges, branches, rollbacks and several roots gives reach(d.to) minus all earlier reaches."""
    monkeypatch.setattr(reach, "FIRST", 3)
    monkeypatch.setattr(reach, "MOST", 5)
    dice = random.Random(seed)
    size = dice.randint(1, 40)
    parents = grown(dice, size)
    tracks = [Track(moved(dice, size), since=dice.choice((0, 1, 2, 4, NEVER))) for _ in range(3)]
    walk = reached(history(parents, []), tracks)
    for place, track in enumerate(tracks):
        firsts: dict[int, int] = {}
        for at, target in enumerate(track.targets):
            for one in ancestors(parents, target):
                firsts.setdefault(one, at)
        spans = walk.spans[place]
        assert {at: first for low, high, first in spans for at in range(low, high + 1)} == {
            at: first for at, first in firsts.items() if at >= walk.low
        }
        assert all(one.low <= one.high < two.low for one, two in pairwise(spans)), "in order, once"
        assert [walk.first(place, at) for at in range(walk.low, size + 2)] == [
            firsts.get(at, NEVER) for at in range(walk.low, size + 2)
        ]
        asked = {at for span in walk.since(place, track.since) for at in range(span.low, span.high + 1)}
        assert asked == {at for at, first in firsts.items() if first >= track.since}, "also what would lie below"


def test_the_walk_stops_where_the_window_has_nothing_below() -> None:
    """Of a million commits in a line only those near the window are read."""
    asked: list[tuple[int, int]] = []
    top = 1_000_000
    parents = {at: (at - 1,) for at in range(980_000, top + 1)}
    walk = reached(history(parents, asked), [Track([990_000, 999_990, top], since=1)])
    assert list(walk.since(0, 1)) == [Span(990_001, 999_990, 1), Span(999_991, top, 2)]
    assert min(low for low, _ in asked) > 980_000


def test_a_line_is_gone_along_in_one_step() -> None:
    """A walk over a million versions in a line, merges of what it leads to included, makes no million steps."""
    top = 1_000_000
    merges = [(at, at - 5) for at in range(top, 100, -1000)]
    walk = reached(
        lambda low, high: Piece(list(range(low, max(low, 2))), [one for one in merges if low <= one[0] <= high]),
        [Track([1000, top // 2, 1000, top])],
    )
    assert walk.spans == [[Span(1, 1000, 0), Span(1001, top // 2, 1), Span(top // 2 + 1, top, 3)]]


def test_without_deployments_nothing_is_read() -> None:
    """No ref, no walk."""
    asked: list[tuple[int, int]] = []
    walk = reached(history({}, asked), [Track([])])
    assert (walk.spans, walk.first(0, 1)) == ([[]], NEVER)
    assert asked == []
