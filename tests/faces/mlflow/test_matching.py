"""A comparison holds of a value, or does not; rows come in order and in pages."""

from __future__ import annotations

import pytest

from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.matching import holds, in_order, most_of, page_of
from loopline.nouns.query import ATTRIBUTE, Comparison, Operator, Order, Value


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
    one = Comparison(ATTRIBUTE, "x", op, wanted)
    assert [value for value in (*yes, *no) if holds(one, value)] == yes


def test_a_pattern_of_many_wildcards_is_soon_through() -> None:
    """Nobody holds a server up by asking for much of anything."""
    for pattern in ("%" * 400 + "b", "%a" * 200 + "b", "%a_" * 100 + "b", "_" * 400 + "%b"):
        assert not holds(Comparison(ATTRIBUTE, "x", "ilike", pattern), "a" * 2_000)


def test_rows_come_in_order_and_in_pages() -> None:
    """The first field counts most, and the last page says that it is the last."""
    rows = [("b", 1), ("a", 1), ("c", 2)]
    orders = (Order(ATTRIBUTE, "1", descending=True), Order(ATTRIBUTE, "0"))
    assert in_order(rows, orders, lambda row, key: row[int(key)]) == [("c", 2), ("a", 1), ("b", 1)]
    page, more = page_of(rows, "", 2)
    assert (page, page_of(rows, more["next_page_token"], 2)) == (rows[:2], (rows[2:], {}))
    assert page_of(rows, "", 3) == (rows, {})
    with pytest.raises(Fault):
        page_of(rows, "nobody's", 1)
    assert (most_of(None, 5, 9), most_of(9, 5, 9)) == (5, 9)
    for said in (0, -1, 10):
        with pytest.raises(Fault):
            most_of(said, 5, 9)
