"""A comparison holds of a value, or does not; rows come in order and in pages."""

from __future__ import annotations

import pytest

from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.matching import behind, holds, in_order, place_in
from loopline.nouns.query import ATTRIBUTE, Clause, Operator, Order, Value


@pytest.mark.parametrize(
    ("op", "wanted", "yes", "no"),
    [
        ("=", "a", ["a"], ["A", None]), ("!=", "a", ["b"], ["a", None]), ("like", "a%b_", ["ab1", "axxbx"], ["aB1", "ab", None]),
        ("ilike", "A%", ["a", "Ab\nc"], ["ba"]), ("like", "100%%", ["100%", "1000"], ["10"]),
        ("like", "a.c", ["a.c"], ["abc"]), ("like", "ab%ab", ["abab", "abxab"], ["ab", "aba"]), ("like", "%", ["", "x"], [None]),

        ("in", ("a", "b"), ["a"], ["c", None]), ("not in", ("a", "b"), ["c"], ["a", None]), (">", 1, [2], [1, 0]),
        (">=", 1, [1, 2], [0]), ("<", 1, [0], [1]), ("<=", 1, [1], [2]), ("is null", None, [None], ["a"]),
        ("is not null", None, ["a"], [None]),
    ],
)  # fmt: skip
def test_a_comparison_holds_or_not(op: Operator, wanted: Value, yes: list[object], no: list[object]) -> None:
    """Of what is not there nothing holds but that it is not there."""
    one = Clause(ATTRIBUTE, "x", op, wanted)
    assert [value for value in (*yes, *no) if holds(one, value)] == yes


def test_a_pattern_of_many_wildcards_is_soon_through() -> None:
    """Nobody holds a server up by asking for much of anything."""
    for pattern in ("%" * 400 + "b", "%a" * 200 + "b", "%a_" * 100 + "b", "_" * 400 + "%b"):
        assert not holds(Clause(ATTRIBUTE, "x", "ilike", pattern), "a" * 2_000)


def test_rows_come_in_order_and_go_on_behind_a_place() -> None:
    """The first field counts most; a place that no such row can have is 400."""
    rows = [("b", 1), ("a", 1), ("c", 2)]
    orders = (Order(ATTRIBUTE, "1", descending=True), Order(ATTRIBUTE, "0"))

    def of(row: tuple[str, int], key: str) -> object:
        return row[int(key)]

    found = in_order(rows, orders, of)
    assert found == [("c", 2), ("a", 1), ("b", 1)]
    assert [behind(found, orders, of, place_in(row, orders, of)) for row in found] == [found[1:], found[2:], []]
    assert behind(found, orders, of, None) == found
    for place in (((0, 1),), ((0, "x"), (0, "a")), ((0, 1), (0, None))):
        with pytest.raises(Fault):
            behind(found, orders, of, place)
