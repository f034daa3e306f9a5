"""What deployments were the first to bring, read in few pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.insights.calendar import Window
from loopline.insights.dora import Brought
from loopline.insights.reach import Span, Track
from loopline.ledger.delivery import Delivery
from loopline.verbs import bringing
from loopline.verbs.bringing import Line, Versions, carrying, together

from .conftest import PROJECT, World
from .test_measuring import LIVE, TRUNK, Past

if TYPE_CHECKING:
    import pytest


def test_spans_that_lie_near_each_other_are_read_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each span has the times of its own versions, those between two are left out, and what is far is read apart."""
    past = Past(world)
    made = [past.at(number - 9) for number in range(9)]
    for number, at in enumerate(made):
        past.commit(*[number][:number], made=at)
    monkeypatch.setattr(bringing, "NEAR", 2)
    spans = [Span(1, 2, 0), Span(4, 4, 1), Span(8, 9, 0)]
    with past.world.loop.ledger.read() as tx:
        delivery = Delivery(tx.rows, PROJECT)
        code = next(key for key, name in delivery.assets().items() if name == ("code", "app"))
        versions = Versions(delivery, delivery.assets())
        found = [(near.spans, [near.of(span) for span in near.spans]) for near in versions.made(code, spans)]
        assert found == [(spans[:2], [made[:2], [made[3]]]), (spans[2:], [made[7:]])]
        assert list(versions.made(code, [])) == []
        assert versions.walk(code, [Track([3, 2, 9])]).spans == [[Span(1, 3, 0), Span(4, 9, 2)]]


def test_what_came_together_to_the_main_branch_is_told_together(world: World) -> None:
    """A deployment of commits that two moves of main brought, and of one that was never there."""
    past = Past(world)
    for number in range(6):
        past.commit(*[number][:number])
    first = past.move(LIVE, 1, tier="production")
    for day, to in ((2, 3), (3, 5)):
        past.day(day)
        past.move(TRUNK, to)
    past.day(4)
    last = past.move(LIVE, 6)
    with past.world.loop.ledger.read() as tx:
        delivery = Delivery(tx.rows, PROJECT)
        moves = [move for move in delivery.moves() if move.name == "app"]
        live, trunk = (Line(name, [], [move for move in moves if move.ref == name]) for name in (LIVE.ref, TRUNK.ref))
        window = Window(past.start, past.at(10), past.at(10))
        targets = carrying(moves[0].asset, live.targets, {})[moves[0].asset]
        versions = Versions(delivery, delivery.assets())
        found = dict(versions.brought(moves[0].asset, trunk, [(live, targets)], window))
    assert list(found[first.id, live.ref].ids) == ["code/app@1"]
    brought = found[last.id, live.ref]
    assert list(brought.ids) == [f"code/app@{number}" for number in range(2, 7)]
    assert [(count, at and (at - past.start) // 86_400_000_000) for count, at in brought.merged] == [
        (2, 2),
        (2, 3),
        (1, None),
    ]


def test_two_arms_bring_what_each_of_them_carries() -> None:
    """A service carries the commits of its models, one after the other; without any, its own versions."""
    assert carrying(1, [5, 6], {(1, 5): [(2, 7), (3, 8)], (1, 6): [(2, 9)]}) == {2: [(7, 0), (9, 1)], 3: [(8, 0)]}
    assert carrying(1, [5, 6], {}) == {1: [(5, 0), (6, 1)]}
    one, two = Brought(["a"], [1], [(1, None)]), Brought(["b", "c"], [2, 3], [(2, 9)])
    assert together(one, two) == Brought(["a", "b", "c"], [1, 2, 3], [(1, None), (2, 9)])
