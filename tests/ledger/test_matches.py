"""What queries for runs find, on both databases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from loopline.ledger import matches
from loopline.ledger.matches import Matches
from loopline.nouns.query import Clause, Order, Place, Query
from loopline.nouns.run import Point

if TYPE_CHECKING:
    from .conftest import Hand

VALUES = (0.5, 0.7, math.nan, math.inf, -math.inf, None, 0.7, math.nan, None, 0.0)
"""Of the metric `auc`, run by run."""


@pytest.fixture(params=["looked at one by one", "walked through"])
def runs(hand: Hand, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """Ten runs; by the ways of few and of many."""
    if request.param == "walked through":
        for bound in ("SMALL", "FAR", "NEAR"):
            monkeypatch.setattr(matches, bound, 0)
        monkeypatch.setattr(matches, "SAMPLE", 3)
        monkeypatch.setattr(Matches, "_candidates", lambda *_: None)
    for n, value in enumerate(VALUES):
        run = hand.run(
            tags={"n": str(n)}, params={"Depth": "a*b%c_d\\e" if n == 1 else f"D{n}"}, experiment=f"e{n % 2}",
            started_at=1_000_000 * (n // 3 + 1), parent="f" * 32 if n == 4 else None,
        )  # fmt: skip
        with hand.write() as tx:
            if value is not None:
                tx.metrics.add(run.id, [Point("auc", value)])
            if n == 9:
                tx.runs.delete(run.id)
    return hand


def _page(hand: Hand, query: Query, *, limit: int = 100, after: Place | None = None) -> tuple[list[int], Place | None]:
    with hand.read() as tx:
        groups = [tx.experiments.get("flights", name).id for name in ("e0", "e1")]
        found = Matches(tx.rows).runs(groups, query, limit=limit, after=after)
        numbers = [int(tx.runs.get(one.id).tags["n"]) for one in found]
    return numbers, found[-1].place if found else None


def _find(hand: Hand, *where: Clause, orders: tuple[Order, ...] = (), deleted: bool | None = False) -> list[int]:
    return _page(hand, Query(where, orders, deleted))[0]


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (Clause("metric", "auc", ">", 0.5), [1, 3, 6]),
        (Clause("metric", "auc", "<=", 0.5), [0, 4]),
        (Clause("metric", "auc", "=", 0.7), [1, 6]),
        (Clause("metric", "auc", "!=", 0.7), [0, 2, 3, 4, 7]),
        (Clause("param", "Depth", "=", "D0"), [0]),
        (Clause("param", "Depth", "like", "D%"), [0, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("param", "Depth", "like", "d%"), []),
        (Clause("param", "Depth", "ilike", "d%"), [0, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("param", "Depth", "like", "D_"), [0, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("param", "Depth", "like", "a*b%d\\e"), [1]),
        (Clause("param", "Depth", "ilike", "A*B%C_D\\E"), [1]),
        (Clause("param", "Depth", "like", "a[*]%"), []),
        (Clause("param", "depth", "is null"), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("param", "Depth", "is not null"), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("tag", "n", "in", ("1", "5", "9")), [1, 5]),
        (Clause("tag", "n", "not in", ("1", "5")), [0, 2, 3, 4, 6, 7, 8]),
        (Clause("tag", "up", "=", "f" * 32, "parent"), [4]),
        (Clause("tag", "n", "=", "3", "parent"), [3]),
        (Clause("tag", "up", "is null", None, "parent"), [0, 1, 2, 3, 5, 6, 7, 8]),
        (Clause("attribute", "started_ms", ">=", 3000), [6, 7, 8]),
        (Clause("attribute", "state", "=", "UP", "", (("running", "UP"),)), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Clause("attribute", "state", "!=", "UP", "", (("running", "UP"),)), []),
    ],
)
def test_a_comparison_finds_what_it_describes(runs: Hand, one: Clause, found: list[int]) -> None:
    """Each operator, of each part, the same on both databases, by every way."""
    assert sorted(_find(runs, one)) == found


def test_all_comparisons_hold(runs: Hand) -> None:
    """One of few runs and one of many."""
    assert _find(runs, Clause("metric", "auc", ">", 0.0), Clause("param", "Depth", "ilike", "d%")) == [0, 3, 6]


UP = (("running", "UP"),)
BEST = Order("metric", "auc", descending=True)
STARTED = Order("attribute", "started", descending=True)


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        ((), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ((BEST,), [3, 1, 6, 0, 4, 2, 7, 5, 8]),
        ((BEST, STARTED), [3, 6, 1, 0, 4, 7, 2, 8, 5]),
        ((Order("metric", "auc"), STARTED), [4, 0, 6, 1, 3, 7, 2, 8, 5]),
        ((STARTED, BEST), [6, 7, 8, 3, 4, 5, 1, 0, 2]),
        ((Order("param", "Depth", descending=True),), [1, 8, 7, 6, 5, 4, 3, 2, 0]),
        ((Order("tag", "none", instead="parent"),), [4, 0, 1, 2, 3, 5, 6, 7, 8]),
        ((Order("attribute", "state", told=UP), Order("tag", "n", descending=True)), [8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)  # fmt: skip
def test_an_order_puts_nan_behind_values_and_what_is_missing_last(
    runs: Hand, orders: tuple[Order, ...], found: list[int]
) -> None:
    """Whatever the direction; then come the further fields, then the id."""
    assert _find(runs, orders=orders) == found


@pytest.mark.parametrize(
    "query",
    [
        Query(orders=(BEST, STARTED)),
        Query(orders=(Order("metric", "auc"),)),
        Query(orders=(STARTED, Order("tag", "n", descending=True))),
        Query((Clause("metric", "auc", "!=", 0.7),), (BEST,), deleted=None),
        Query((Clause("metric", "auc", ">", -1.0),), (BEST,)),
        Query(),
    ],
)
def test_pages_are_the_whole(runs: Hand, query: Query) -> None:
    """Page by page one gets what one gets at once."""
    whole, _ = _page(runs, query)
    for size in (1, 2, 3):
        found, after = list[int](), None
        while True:
            page, after = _page(runs, query, limit=size, after=after)
            found += page
            if after is None:
                break
        assert found == whole


def test_what_was_deleted_is_found_where_it_is_asked_for(runs: Hand) -> None:
    """Only that, or both."""
    assert _find(runs, deleted=True) == [9]
    assert _find(runs, deleted=None) == list(range(10))


def test_no_experiment_has_no_runs(runs: Hand) -> None:
    """Runs of others are not looked at, also where an id names them."""
    with runs.read() as tx:
        finds = Matches(tx.rows)
        group = tx.experiments.get("flights", "e0").id
        assert finds.runs([], Query(), limit=9) == []
        other = next(one.id for one in finds.runs([group + 1], Query(), limit=1))
        assert finds.runs([group], Query((Clause("attribute", "id", "=", other),)), limit=9) == []
