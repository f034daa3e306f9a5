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
    joined,
    page,
    scan,
)
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Place, Query
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
            "l.run = r.id AND l.direction = 'in'", alone=False,
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
SAMPLE: Final = 300
"""Runs by which it is guessed for how many comparisons hold."""
FAR: Final = 6
"""How much longer it takes to look at a run that lies anywhere than at the next one."""
NEAR: Final = 3
"""The same for one that is the next in an order."""
WIDE: Final = 4
"""An index of a metric is walked through where it holds at most so many times the runs among which one looks."""
_MOST: Final = 1_000_000
_INDEXED: Final = {"metric": ("series", "last"), "param": ("params", "value"), "tag": ("tags", "value")}


class Matches:
    """Finds runs.

    Where a comparison holds for few runs, only these are looked at. Else it depends on how many it holds for, by a sample. Where
    these are many, and the order begins with a metric, its index is walked through from the top until the page is full; where
    it is by attributes, runs are put into order first and then compared, until the page is full. Else all runs are compared.
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
        size = self._count(f"runs r WHERE {here.text}", *here.values, most=_MOST)
        if size > SMALL:
            looked = limit / self._share(here, query)
            if query.orders[0].part == "metric" and looked * FAR < size and self._narrow(query.orders[0], size):
                return self._walk_on(here, query, limit=limit, after=after)
            if all(one.part == ATTRIBUTE for one in query.orders) and looked * NEAR < size:
                return self._sift(here, query, round(looked), limit=limit, after=after)
        return self._scan([here], query, limit=limit, after=after)

    def _walk_on(self, here: Sql, query: Query, *, limit: int, after: Place | None) -> list[Match]:
        """Walk through the index of a metric, and then look at the runs that have no value of it."""
        found = list[Match]()
        if after is None or after[0][0] == 0:
            found, after = self._walk(here, query, limit=limit, after=after), None
            if len(found) == limit or any(_bounds(one, query.orders[0]) for one in query.where):
                return found
        valueless = columns(RUNS, query.orders)[0].lacks
        return found + self._scan([here, valueless], query, limit=limit - len(found), after=after)

    def _sift(self, here: Sql, query: Query, size: int, *, limit: int, after: Place | None) -> list[Match]:
        """Put runs into order, `size` of them at first, and leave out those for which a comparison does not hold."""
        hung = [one for one in query.where if one.part != ATTRIBUTE]
        plain = replace(query, where=tuple(one for one in query.where if one.part == ATTRIBUTE))
        found = list[Match]()
        while len(found) < limit:
            size = size + size // 4 + limit // 4 + 1 if hung else limit - len(found)
            batch = self._scan([here], plain, limit=size, after=after)
            kept = self._kept([one.id for one in batch], hung) if hung else {one.id for one in batch}
            found += [one for one in batch if one.id in kept]
            if len(batch) < size:
                break
            after, size = batch[-1].place, 3 * size
        return found[:limit]

    def _kept(self, ids: Sequence[str], where: Sequence[Clause]) -> set[str]:
        """Give those runs for which some comparisons hold."""
        tests = [condition(RUNS, one, self._rows.dialect) for one in where]
        found = set[str]()
        for start in range(0, len(ids), FEW):
            few = tuple(ids[start : start + FEW])
            all_of = joined([Sql(f"r.id IN ({', '.join('?' * len(few))})", few), *tests])
            found.update(
                row[0] for row in self._rows.all(f"SELECT r.id FROM runs r WHERE {all_of.text}", *all_of.values)
            )
        return found

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

    def _few(self, where: Iterable[Clause]) -> tuple[str, ...] | None:
        """Give ids among which every run is for which one of the comparisons holds; None where each holds for many."""
        for one in where:
            found = self._candidates(one)
            if found is not None and len(found) <= FEW:
                return found
        return None

    def _candidates(self, one: Clause) -> tuple[str, ...] | None:
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

    def _share(self, here: Sql, query: Query) -> float:
        """Guess for which part of the runs the comparisons hold, by a few of them: the newest, where it is one experiment's."""
        if not query.where:
            return 1.0
        newest = " ORDER BY r.id DESC" if len(here.values) == 1 else ""
        tests = joined([*_alive(query), *(condition(RUNS, one, self._rows.dialect) for one in query.where)])
        holds = self._count(
            f"(SELECT r.* FROM runs r WHERE {here.text}{newest} LIMIT ?) r WHERE {tests.text}",
            *here.values, SAMPLE, *tests.values, most=SAMPLE,
        )  # fmt: skip
        return max(holds, 0.5) / SAMPLE

    def _narrow(self, order: Order, runs: int) -> bool:
        """Tell whether the index of a metric holds mostly what one looks for."""
        return self._count("series WHERE key = ?", order.key, most=WIDE * runs + 1) <= WIDE * runs

    def _count(self, what: str, *values: object, most: int) -> int:
        row = self._rows.one(f"SELECT COUNT(*) FROM (SELECT 1 FROM {what} LIMIT ?) AS found", *values, most)
        return int(row[0]) if row else 0


def _alive(query: Query) -> list[Sql]:
    if query.deleted is None:
        return []
    return [Sql("r.deleted_at IS NOT NULL" if query.deleted else "r.deleted_at IS NULL")]


def _bounds(one: Clause, order: Order) -> bool:
    """Tell whether a comparison holds only for runs that have a value by which they are ordered."""
    return (one.part, one.key) == (order.part, order.key) and one.op != "!="
