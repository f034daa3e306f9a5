"""querying: from a query (`nouns/query.py`) to SQL, for every table whose shape is told.

Values never stand in the text. Both dialects take it: only for patterns that mind case the two have different words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.errors import Invalid
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Place, Query, Told

if TYPE_CHECKING:
    from loopline.store.database import Rows

SQLITE: Final = "sqlite"
POSTGRES: Final = "postgresql"
ANY: Final = ""
"""The dialect of whoever compares without minding case."""
_UNWRITTEN: Final = re.compile("[\x00\ud800-\udfff]")
"""What no text of a database holds: NUL, and half of a surrogate pair."""
LONGEST: Final = 10_000
"""Characters of a pattern."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL, and what belongs to its marks."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Hung:
    """Rows that hang on a thing. `{a}` stands for what the table is called inside of a query."""

    table: str
    """`params {a}`."""
    on: str
    """How they hang: `{a}.run = r.id`."""
    value: str = "{a}.value"
    number: str = ""
    """Where the value stands as a number, if elsewhere."""
    key: str = "{a}.key"
    columns: Mapping[str, str] = field(default_factory=dict)
    """For rows without keys: the columns that are meant by them."""
    alone: bool = True
    """Whether a thing has at most one row of a key. SQLite is asked for its value, which is looked up by thing and key: in an
    EXISTS it may take an index of values, and walk through that again for each thing. PostgreSQL plans an EXISTS better."""
    nan: bool = False
    """Whether NULL stands for NaN, which differs from every number."""

    def called(self, key: str, alias: str, *, number: bool = False) -> tuple[str, Sql, str]:
        """Give the table, the condition that finds the rows of a key, and the value, under a name."""
        value = self.columns.get(key) or (self.number if number and self.number else self.value)
        on = Sql(self.on) if self.columns else Sql(f"{self.on} AND {self.key} = ?", (key,))
        return self.table.format(a=alias), Sql(on.text.format(a=alias), on.values), value.format(a=alias)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a thing has that one may ask for."""

    attributes: Mapping[str, str]
    hung: Mapping[str, Hung] = field(default_factory=dict)
    sure: frozenset[str] = frozenset()
    """Attributes that nothing lacks."""
    numbers: frozenset[str] = frozenset()
    """Attributes that are whole numbers; the others are text."""

    def attribute(self, key: str, told: Told = ()) -> Sql:
        """Give an attribute's value, in the words of whoever asks."""
        text = self.attributes[key]
        if not told:
            return Sql(text)
        cases = " WHEN ? THEN ?" * len(told)
        return Sql(f"CASE {text}{cases} ELSE {text} END", tuple(word for pair in told for word in pair))


def condition(shape: Shape, one: Clause, dialect: str) -> Sql:
    """Write one comparison."""
    if one.part == ATTRIBUTE:
        return compared(shape.attribute(one.key, one.told), one, dialect)
    hung = shape.hung[one.part]
    table, on, value = hung.called(
        one.key, "h", number=isinstance(one.value, float) and one.op not in ("like", "ilike")
    )
    alone = f"(SELECT {value} FROM {table} WHERE {on.text})"
    if one.instead:
        other = shape.attribute(one.instead)
        either = Sql(f"COALESCE({alone}, {other.text})", on.values + other.values)
        return compared(either, one, dialect)
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {on.text}"
    if one.op in ("is null", "is not null"):
        return Sql(f"{'NOT ' if one.op == 'is null' else ''}{there})", on.values)
    if dialect == POSTGRES or hung.columns or not hung.alone or (hung.nan and one.op == "!="):
        test = compared(Sql(value), one, dialect, nan=hung.nan)
        return Sql(f"{there} AND {test.text})", on.values + test.values)
    return compared(Sql(alone, on.values), one, dialect)


def compared(it: Sql, one: Clause, dialect: str, *, nan: bool = False) -> Sql:
    """Write the comparison of something with what the query says. Raise Invalid for a pattern that is too long."""
    value = one.value
    match one.op:
        case "is null" | "is not null":
            return Sql(f"{it.text} {one.op.upper()}", it.values)
        case "in" | "not in":
            texts = value if isinstance(value, tuple) else (value,)
            return Sql(f"{it.text} {one.op.upper()} ({', '.join('?' * len(texts))})", (*it.values, *texts))
        case "like" if dialect == SQLITE:
            return Sql(f"{it.text} GLOB ?", (*it.values, _glob(_pattern(value))))
        case "like":
            return Sql(f"{it.text} LIKE ? ESCAPE '\\'", (*it.values, _pattern(value).replace("\\", "\\\\")))
        case "ilike":
            pattern = _pattern(value).replace("\\", "\\\\")
            return Sql(f"LOWER({it.text}) LIKE LOWER(?) ESCAPE '\\'", (*it.values, pattern))
        case "!=" if nan:
            return Sql(f"({it.text} <> ? OR {it.text} IS NULL)", (*it.values, value, *it.values))
        case _:
            return Sql(f"{it.text} {one.op.replace('!=', '<>')} ?", (*it.values, value))


def _pattern(value: object) -> str:
    text = str(value)
    if len(text) > LONGEST:
        raise Invalid(
            f"a pattern has at most {LONGEST} characters",
            kind="bad-filter",
            hint="write a shorter one",
            length=len(text),
        )
    return text


def _glob(pattern: str) -> str:
    """Write a pattern for SQLite's operator that minds case."""
    return "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(c, c) for c in pattern)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an order: the rows that have a value (rank 0), then NaN (1), then those without (2)."""

    value: Sql
    rank: Sql | None
    """None where every row has a value."""
    descending: bool = False
    join: Sql = Sql("")

    @property
    def lacks(self) -> Sql:
        """Write the condition that a row has no value, or NaN."""
        return Sql(f"{self.rank.text} > 0", self.rank.values) if self.rank else Sql("1 = 0")

    def behind(self, rank: int, value: object) -> tuple[Sql, Sql]:
        """Write what stands behind a place by this column alone, and what stands at it."""
        op = "<" if self.descending else ">"
        further = Sql(f"{self.value.text} {op} ?", (*self.value.values, value))
        if self.rank is None:
            return further, Sql(f"{self.value.text} = ?", (*self.value.values, value))
        if rank > 0:
            return (
                Sql(f"{self.rank.text} > ?", (*self.rank.values, rank)),
                Sql(f"{self.rank.text} = ?", (*self.rank.values, rank)),
            )
        return (
            Sql(f"({self.rank.text} > 0 OR {further.text})", self.rank.values + further.values),
            Sql(f"({self.rank.text} = 0 AND {self.value.text} = ?)", (*self.rank.values, *self.value.values, value)),
        )


def columns(shape: Shape, orders: Iterable[Order]) -> list[Column]:
    """Give the columns of an order. What hangs on a thing is joined as `o0`, `o1`, …, by the place of its column."""
    found = list[Column]()
    for place, one in enumerate(orders):
        if one.part == ATTRIBUTE:
            value = shape.attribute(one.key, one.told)
            missing = None if one.key in shape.sure else Sql(_lacking(value.text), value.values)
            found.append(Column(value, missing, one.descending))
            continue
        alias, hung = f"o{place}", shape.hung[one.part]
        table, on, text = hung.called(one.key, alias)
        other = shape.attribute(one.instead) if one.instead else None
        value = Sql(f"COALESCE({text}, {other.text})", other.values) if other else Sql(text)
        rank = Sql(_lacking(value.text), value.values)
        if hung.nan:
            rank = Sql(f"CASE WHEN {hung.key.format(a=alias)} IS NULL THEN 2 WHEN {text} IS NULL THEN 1 ELSE 0 END")
        found.append(Column(value, rank, one.descending, Sql(f" LEFT JOIN {table} ON {on.text}", on.values)))
    return found


class Match(NamedTuple):
    """A thing that was found, and where it stands."""

    id: Any
    place: Place


def scan(
    rows: Rows, shape: Shape, table: Sql, query: Query, *, where: Iterable[Sql], limit: int, after: Place | None
) -> list[Match]:
    """Look at every row of `table` for which `where` holds, and give those that a query finds, in its order.

    The order must end with what is of one row alone, else pages overlap.
    """
    order = columns(shape, query.orders)
    pieces = [*where, *(condition(shape, one, rows.dialect) for one in query.where)]
    if after is not None:
        pieces.append(behind(order, fitting(shape, query.orders, after)))
    return page(rows, table, order, pieces, limit)


def page(rows: Rows, table: Sql, order: Sequence[Column], where: Iterable[Sql], limit: int) -> list[Match]:
    """Give the first rows in an order. What its last column shows is taken for their id."""
    shown = joined([piece for one in order for piece in (one.rank or Sql("0"), one.value)], ", ")
    by = list[str]()
    for place, one in enumerate(order):
        if one.rank is not None:
            by.append(f"{2 * place + 1}")
        by.append(f"{2 * place + 2}{' DESC' if one.descending else ''}")
    joins, all_of = joined((one.join for one in order), ""), joined(where)
    found = rows.all(
        f"SELECT {shown.text} FROM {table.text}{joins.text} WHERE {all_of.text} ORDER BY {', '.join(by)} LIMIT ?",
        *shown.values, *table.values, *joins.values, *all_of.values, limit,
    )  # fmt: skip
    return [Match(row[-1], tuple(zip(row[::2], row[1::2], strict=True))) for row in found]


def fitting(shape: Shape, orders: Sequence[Order], place: Place) -> Place:
    """Give a place back that may have come from anywhere. Raise Invalid kind="bad-cursor" where it is none of this order."""
    if len(place) == len(orders) and all(_fits(shape, one, *at) for one, at in zip(orders, place, strict=True)):
        return place
    raise Invalid("that is no place in this order", kind="bad-cursor", hint="give the token of the page before")


def _fits(shape: Shape, order: Order, rank: object, value: object) -> bool:
    if type(rank) is not int or not 0 <= rank <= 2:
        return False
    if rank > 0:
        return value is None
    if order.part == ATTRIBUTE and order.key in shape.numbers:
        return type(value) is int and abs(value) < 2**63
    if order.part != ATTRIBUTE and shape.hung[order.part].nan:
        return (isinstance(value, float) and not isnan(value)) or (type(value) is int and abs(value) < 2**63)
    return isinstance(value, str) and _UNWRITTEN.search(value) is None


def _lacking(value: str) -> str:
    return f"CASE WHEN {value} IS NULL THEN 2 ELSE 0 END"


def behind(order: Sequence[Column], place: Place) -> Sql:
    """Write the condition for what comes behind a place: for each column its rank and its value."""
    pieces, before = list[Sql](), list[Sql]()
    for column, (rank, value) in zip(order, place, strict=True):
        further, same = column.behind(rank, value)
        pieces.append(joined((*before, further)))
        before.append(same)
    found = joined(pieces, " OR ")
    return Sql(f"({found.text})", found.values)


def joined(pieces: Iterable[Sql], by: str = " AND ") -> Sql:
    """Join pieces."""
    several = list(pieces)
    return Sql(by.join(one.text for one in several), tuple(value for one in several for value in one.values))
