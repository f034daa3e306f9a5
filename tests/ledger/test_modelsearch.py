"""Logged models that a query finds."""

from __future__ import annotations

import pytest

from loopline.ledger.modelsearch import Data
from loopline.nouns.logged import LoggedModel, LoggedState, Measure
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Query

from .conftest import PROJECT, Hand


@pytest.fixture
def models(hand: Hand) -> Hand:
    """Log models a, b and c of experiment 1, and d of experiment 2; a and b were measured, on data."""
    with hand.write() as tx:
        for number, name in enumerate("abcd"):
            tx.logged.begin(
                LoggedModel(
                    f"m-{name}", PROJECT, 2 if name == "d" else 1, name, f"run{number % 2}", params={"depth": str(number)},
                    tags={"team": "ops"} if name == "a" else {}, state=LoggedState.READY if name == "b" else LoggedState.PENDING,
                    created_at=1_000_000 * (number + 1),
                )
            )  # fmt: skip
        tx.logged.measured([
            Measure("m-a", "r", "acc", 0.9, 0, 1, "july", "d1"), Measure("m-a", "r", "acc", 0.1, 0, 2, "june", "d2"),
            Measure("m-b", "r", "acc", 0.5, 0, 1, "july", "d3"),
        ])  # fmt: skip
    return hand


def found(
    hand: Hand, *where: Clause, orders: tuple[Order, ...] = (), experiments: tuple[int, ...] = (1,), **more: object
) -> str:
    """Give the names of what a query finds, in its order."""
    with hand.read() as tx:
        rows = tx.model_matches.find(experiments, Query(where, orders), limit=10, **more)  # type: ignore[arg-type]
    return "".join(row.model[-1] for row in rows)


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (Clause(ATTRIBUTE, "name", "in", ("a", "c")), "ac"),
        (Clause(ATTRIBUTE, "state", "=", "READY", told=(("ready", "READY"),)), "b"),
        (Clause(ATTRIBUTE, "created_ms", ">", 1000), "bc"),
        (Clause("param", "depth", "!=", "1"), "ac"),
        (Clause("tag", "team", "ilike", "OP%"), "a"),
        (Clause("metric", "acc", ">", 0.8), "a"),
        (Clause("metric", "acc", "<", 0.2), "a"),
        (Clause("metric", "none", "<", 0.2), ""),
    ],
)  # fmt: skip
def test_each_part_is_compared(models: Hand, where: Clause, names: str) -> None:
    """Attributes, params and tags as runs have them; of a metric any value counts."""
    assert found(models, where) == names


def test_only_the_named_experiments_are_looked_at(models: Hand) -> None:
    """None means nothing; what was deleted is left out."""
    assert (found(models), found(models, experiments=(1, 2)), found(models, experiments=())) == ("abc", "abcd", "")
    with models.write() as tx:
        tx.logged.delete(tx.logged.get(PROJECT, "m-b"))
    assert found(models) == "ac"


def test_data_narrow_what_counts(models: Hand) -> None:
    """Comparisons see only what was measured on that data; without any, having been measured there is asked for."""
    low = Clause("metric", "acc", "<", 0.2)
    assert (found(models, low, data=[Data("july")]), found(models, low, data=[Data("june")])) == ("", "a")
    assert found(models, data=[Data("july")]) == "ab"
    assert found(models, data=[Data("july", "d3")]) == "b"
    assert found(models, data=[Data("july", "d3"), Data("june")]) == "ab"


def test_the_newest_value_orders_and_what_has_none_comes_last(models: Hand) -> None:
    """Both ways; narrowed to data the newest there counts."""
    up, down = Order("metric", "acc"), Order("metric", "acc", descending=True)
    assert (found(models, orders=(up,)), found(models, orders=(down,))) == ("abc", "bac")
    assert found(models, orders=(down,), by=[Data("july")]) == "abc"
    assert (
        found(models, orders=(Order(ATTRIBUTE, "run", descending=True), Order(ATTRIBUTE, "name", descending=True)))
        == "bca"
    )


@pytest.mark.parametrize(
    "order", [(), (Order("metric", "acc", descending=True),), (Order(ATTRIBUTE, "created_ms", descending=True),)]
)
def test_pages_go_on_where_the_last_one_ended(models: Hand, order: tuple[Order, ...]) -> None:
    """One by one they give what one page gives, each once."""
    whole, pages, place = found(models, orders=order, experiments=(1, 2)), "", None
    for _ in range(6):
        with models.read() as tx:
            rows = tx.model_matches.find((1, 2), Query((), order), limit=1, after=place)
        if not rows:
            break
        pages, place = pages + rows[0].model[-1], rows[0].place
    assert pages == whole
