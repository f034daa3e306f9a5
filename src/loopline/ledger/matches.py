"""matches: the runs that a query finds, page by page, by the shortest way (tables runs, params, tags, series, links)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from loopline.ledger.querying import (
    Column,
    Hung,
    Match,
    Shape,
    Sql,
    behind,
    columns,
    compared,
    condition,
    fitting,
    page,
    scan,
)
from loopline.nouns.query import ATTRIBUTE, Comparison, Order, Place, Query
from loopline.store.database import Rows

RUNS: Final = Shape(
    attributes={
        "id": "r.id", "name": "r.name", "kind": "r.kind", "state": "r.state", "actor": "r.actor", "commit": "r.git_commit",
        "started": "r.started_at", "started_ms": "r.started_at / 1000", "ended_ms": "r.ended_at / 1000", "parent": "r.parent",
        "code": "r.code", "environment": "r.environment", "experiment": "e.name",
        "place": "CAST(r.experiment AS TEXT) || '/' || r.id",
    },
    hung={
        "metric": Hung("series {a}", "{a}.run = r.id", "{a}.last", nan=True),
        "param": Hung("params {a}", "{a}.run = r.id", number="{a}.number"),
        "tag": Hung("tags {a}", "{a}.run = r.id", number="{a}.number"),
        "dataset": Hung(
            "links {a} JOIN datasets d ON d.digest = {a}.digest", "{a}.run = r.id AND {a}.direction = 'in'",
            columns={"name": "d.name", "digest": "d.sum"},
        ),
        "input": Hung(
            "links l JOIN taggings {a} ON {a}.subject = 'input/' || l.run || '/' || l.digest",
            "l.run = r.id AND l.direction = 'in'",
        ),
    },
    sure=frozenset({"id", "name", "kind", "state", "actor", "experiment", "place"}),
    numbers=frozenset({"started", "started_ms", "ended_ms"}),
)  # fmt: skip
"""`runs r`, for `experiment` with `experiments e`. Times are in microseconds, those called `_ms` in milliseconds. `dataset` is
what a run read and somebody has described; `input` are the tags of what it read."""
FEW: Final = 500
"""Runs that are looked at one by one, whatever the order."""
SMALL: Final = 2_000
"""Runs of which every one may be looked at."""
WIDE: Final = 4
"""An index of a metric is walked through where it holds at most so many times the runs among which one looks."""
_INDEXED: Final = {"metric": ("series", "last"), "param": ("params", "value"), "tag": ("tags", "value")}


class Matches:
    """Finds runs.

    Where a comparison holds for few runs, only these are looked at. Else, where the order begins with a metric, its index is
    walked through from the top, until the page is full. Else every run of the experiments is looked at.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def runs(self, experiments: Sequence[int], query: Query, *, limit: int, after: Place | None = None) -> list[Match]:
        """Give the runs of some experiments that a query finds, in its order, then by id; `after` is a place to go on from."""
        if not experiments:
            return []
        here = Sql(f"r.experiment IN ({', '.join('?' * len(experiments))})", tuple(experiments))
        query = replace(query, orders=(*query.orders, Order(ATTRIBUTE, "id")))
        after = None if after is None else fitting(RUNS, query.orders, after)
        few = self._few(query.where)
        if few is not None:
            ids = Sql(f"r.id IN ({', '.join('?' * len(few))})", few)
            return self._scan([ids, Sql(f"+{here.text}", here.values)], query, limit=limit, after=after) if few else []
        found = list[Match]()
        if self._walkable(query.orders[0], here) and (after is None or after[0][0] == 0):
            found = self._walk(here, query, limit=limit, after=after)
            if len(found) == limit or any(_bounds(one, query.orders[0]) for one in query.where):
                return found
            valueless = columns(RUNS, query.orders)[0].lacks
            return found + self._scan([here, valueless], query, limit=limit - len(found), after=None)
        return self._scan([here], query, limit=limit, after=after)

    def _scan(self, where: Sequence[Sql], query: Query, *, limit: int, after: Place | None) -> list[Match]:
        return scan(self._rows, RUNS, Sql("runs r"), query, where=(*where, *_alive(query)), limit=limit, after=after)

    def _walk(self, here: Sql, query: Query, *, limit: int, after: Place | None) -> list[Match]:
        """Go through the index of the metric by which runs are ordered: those that have a value."""
        first, *rest = columns(RUNS, query.orders)
        order = [Column(first.value, None, first.descending), *rest]
        where = [
            Sql("o0.key = ?", (query.orders[0].key,)),
            Sql("o0.last IS NOT NULL"),
            Sql("r.id = o0.run"),
            here,
            *_alive(query),
        ]
        for one in query.where:
            same = (one.part, one.key, one.instead) == ("metric", query.orders[0].key, "")
            dialect = self._rows.dialect
            where.append(compared(first.value, one, dialect, nan=True) if same else condition(RUNS, one, dialect))
        if after is not None:
            edge = "<=" if first.descending else ">="
            where += [Sql(f"o0.last {edge} ?", (after[0][1],)), behind(order, after)]
        return page(self._rows, Sql("series o0 CROSS JOIN runs r"), order, where, limit)

    def _few(self, where: Iterable[Comparison]) -> tuple[str, ...] | None:
        """Give ids among which every run is for which one of the comparisons holds; None where each holds for many."""
        for one in where:
            found = self._candidates(one)
            if found is not None and len(found) <= FEW:
                return found
        return None

    def _candidates(self, one: Comparison) -> tuple[str, ...] | None:
        if (one.part, one.op) == (ATTRIBUTE, "=") and one.key == "id":
            return (str(one.value),)
        if (one.part, one.op) == (ATTRIBUTE, "in") and one.key == "id" and isinstance(one.value, tuple):
            return tuple(map(str, one.value))
        if one.part not in _INDEXED or one.instead not in ("", "parent"):
            return None
        if one.op != "=" and (one.part != "metric" or one.op not in (">", ">=", "<", "<=")):
            return None
        table, column = _INDEXED[one.part]
        several: list[tuple[str, tuple[object, ...]]] = [
            (f"SELECT run FROM {table} WHERE key = ? AND {column} {one.op} ? LIMIT ?", (one.key, one.value))
        ]
        if one.instead:
            several.append(("SELECT id FROM runs WHERE parent = ? LIMIT ?", (one.value,)))
        return tuple({row[0] for sql, values in several for row in self._rows.all(sql, *values, FEW + 1)})

    def _walkable(self, order: Order, here: Sql) -> bool:
        """Tell whether an order's index is a way that is short."""
        if order.part != "metric":
            return False
        runs = self._count(f"runs r WHERE {here.text}", *here.values, most=1_000_000)
        if runs <= SMALL:
            return False
        return self._count("series WHERE key = ?", order.key, most=WIDE * runs + 1) <= WIDE * runs

    def _count(self, what: str, *values: object, most: int) -> int:
        row = self._rows.one(f"SELECT COUNT(*) FROM (SELECT 1 FROM {what} LIMIT ?) AS found", *values, most)
        return int(row[0]) if row else 0


def _alive(query: Query) -> list[Sql]:
    if query.deleted is None:
        return []
    return [Sql("r.deleted_at IS NOT NULL" if query.deleted else "r.deleted_at IS NULL")]


def _bounds(one: Comparison, order: Order) -> bool:
    """Tell whether a comparison holds only for runs that have a value by which they are ordered."""
    return (one.part, one.key) == (order.part, order.key) and one.op != "!="
