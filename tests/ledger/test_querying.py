"""From queries to SQL. What the SQL finds on both databases is held by the tests of what it is for: runs, experiments, models."""

from __future__ import annotations

import pytest

from loopline.errors import Invalid
from loopline.ledger.querying import (
    LONGEST,
    POSTGRES,
    SQLITE,
    Column,
    Hung,
    Shape,
    Sql,
    behind,
    columns,
    condition,
    fitting,
    joined,
)  # fmt: skip
from loopline.nouns.query import Clause, Order, Place

SHAPE = Shape(
    attributes={"name": "x.name", "size": "x.size"},
    hung={
        "tag": Hung("tags {a}", "{a}.thing = x.id"),
        "metric": Hung("series {a}", "{a}.thing = x.id", "{a}.last", nan=True),
    },
    sure=frozenset({"name"}),
    numbers=frozenset({"size"}),
)


@pytest.mark.parametrize("text", ["'; drop table runs --", "?", "%s", "a' OR '1'='1"])
@pytest.mark.parametrize("part", ["attribute", "tag", "metric"])
def test_no_value_stands_in_the_text(text: str, part: str) -> None:
    """Nor does a key: they are bound to marks, one for each."""
    key = "name" if part == "attribute" else text
    for op in ("=", "like", "ilike", "in", "!="):
        for dialect in (SQLITE, POSTGRES):
            value = (text,) if op == "in" else text
            found = condition(SHAPE, Clause(part, key, op, value, told=()), dialect)
            assert text not in found.text.replace("?", "") or text == "?"
            assert found.text.count("?") == len(found.values)


@pytest.mark.parametrize(
    ("pattern", "glob", "like"),
    [("a%", "a*", "a%"), ("_b", "?b", "_b"), ("1*2?[x]", "1[*]2[?][[]x]", "1*2?[x]"), ("c\\d", "c\\d", "c\\\\d")],
)
def test_a_pattern_means_the_same_everywhere(pattern: str, glob: str, like: str) -> None:
    """Only `%` and `_` stand for something."""
    one = Clause("attribute", "name", "like", pattern)
    assert condition(SHAPE, one, SQLITE).values == (glob,)
    assert condition(SHAPE, one, POSTGRES).values == (like,)


def test_a_pattern_has_an_end() -> None:
    """A database refuses one that is too long as its own failure, and not as the asker's."""
    for op in ("like", "ilike"):
        with pytest.raises(Invalid) as raised:
            condition(SHAPE, Clause("attribute", "name", op, "%" * (LONGEST + 1)), SQLITE)
        assert raised.value.kind == "bad-filter"


def test_sqlite_looks_a_value_up_and_postgresql_asks_whether_there_is_one() -> None:
    """In an EXISTS SQLite may walk through an index of values for each thing: 17 s instead of 0.1 s for 30,000 runs."""
    one = Clause("metric", "auc", ">", 0.7)
    assert condition(SHAPE, one, SQLITE).text == "(SELECT h.last FROM series h WHERE h.thing = x.id AND h.key = ?) > ?"
    assert condition(SHAPE, one, POSTGRES).text.startswith("EXISTS (")


def test_a_place_says_where_each_column_stands() -> None:
    """What comes behind differs in the first column, or is alike there and differs in the next."""
    order = [Column(Sql("a"), None, descending=True), Column(Sql("b"), Sql("lack(b)"))]
    found = behind(order, ((0, 5), (0, "x")))
    assert found.text == "(a < ? OR a = ? AND (lack(b) > 0 OR b > ?))"
    assert found.values == (5, 5, "x")
    assert behind(order, ((0, 5), (2, None))).text == "(a < ? OR a = ? AND lack(b) > ?)"


def test_what_hangs_on_a_thing_is_joined_once_for_its_column() -> None:
    """Under the number of the column."""
    first, second = columns(SHAPE, (Order("attribute", "name"), Order("metric", "auc", descending=True)))
    assert (first.rank, first.join.text) == (None, "")
    assert second.join == Sql(" LEFT JOIN series o1 ON o1.thing = x.id AND o1.key = ?", ("auc",))
    assert second.value == Sql("o1.last")


ORDERS = (Order("attribute", "name"), Order("attribute", "size"), Order("metric", "auc"))


@pytest.mark.parametrize(
    "place", [((0, "a"), (0, 7), (0, 0.5)), ((0, ""), (2, None), (1, None)), ((0, "a"), (0, -1), (0, 3))]
)
def test_a_place_of_the_order_is_taken(place: Place) -> None:
    """With a value of the right kind, or none where it lacks one."""
    assert fitting(SHAPE, ORDERS, place) == place


@pytest.mark.parametrize(
    "place",
    [
        (), ((0, "a"), (0, 7)), ((0, 1), (0, 7), (0, 0.5)), ((0, "a"), (0, "7"), (0, 0.5)), ((0, "a"), (0, 7), (0, "0.5")),
        ((0, "a"), (0, 7), (0, float("nan"))), ((0, "a"), (0, 7), (3, None)), ((0, "a"), (0, True), (0, 0.5)),
        ((0, None), (0, 7), (0, 0.5)), ((1, "a"), (0, 7), (0, 0.5)), ((0, "\x00"), (0, 7), (0, 0.5)),
        ((0, "a"), (0, 2**63), (0, 0.5)), ((0, "a\ud800"), (0, 7), (0, 0.5)),
        ((0.0, "a"), (0, 7), (0, 0.5)), ((0, "a"), (0, 7), (0, 10**400)),
    ],
)  # fmt: skip
def test_what_is_no_place_of_the_order_is_refused(place: Place) -> None:
    """It may come from anywhere, and would be the database's failure."""
    with pytest.raises(Invalid) as raised:
        fitting(SHAPE, ORDERS, place)
    assert raised.value.kind == "bad-cursor"


def test_pieces_keep_their_values() -> None:
    """In the order of their marks."""
    assert joined([Sql("a = ?", (1,)), Sql("b = ?", (2,))]) == Sql("a = ? AND b = ?", (1, 2))
    assert joined([]) == Sql("")
