"""modelsearch: the logged models that a query finds, page by page (tables logged_models, model_…, taggings)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.ledger.querying import (
    Column,
    Hung,
    Shape,
    Sql,
    behind,
    columns,
    compared,
    condition,
    fitting,
    joined,
    page,
)
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Place, Query

if TYPE_CHECKING:
    from loopline.store.database import Rows

METRIC: Final = "metric"
MODELS: Final = Shape(
    attributes={
        "id": "m.id", "name": "m.name", "kind": "m.kind", "state": "m.state", "run": "m.run",
        "experiment": "CAST(m.experiment AS TEXT)", "created_ms": "m.created_at / 1000", "updated_ms": "m.updated_at / 1000",
    },
    hung={
        "param": Hung("model_params {a}", "{a}.model = m.id"),
        "tag": Hung("taggings {a}", "{a}.subject = 'model/' || m.id"),
        METRIC: Hung("model_metrics {a}", "{a}.model = m.id", alone=False, nan=True),
    },
    sure=frozenset({"id", "name", "kind", "state", "experiment", "created_ms", "updated_ms"}),
    numbers=frozenset({"created_ms", "updated_ms"}),
)  # fmt: skip
"""`logged_models m`. Times are in milliseconds."""


class Data(NamedTuple):
    """Data on which something was measured."""

    name: str
    sum: str = ""
    """Empty: any data of that name."""


class Match(NamedTuple):
    """A model that was found, and where it stands."""

    model: str
    place: Place


class ModelMatches:
    """Finds logged models."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def find(
        self, experiments: Sequence[int], query: Query, *, data: Sequence[Data] = (), by: Sequence[Data | None] = (),
        limit: int, after: Place | None = None,
    ) -> list[Match]:  # fmt: skip
        """Give the models of some experiments that a query finds, in its order, then by id; `after` is a place to go on from.

        With `data` only what was measured on it counts for comparisons, and a model without any of that is left out. `by` says
        the same of each order in turn. For a comparison any value of a metric counts, for an order the newest.
        """
        if not experiments:
            return []
        where = [Sql(f"m.experiment IN ({', '.join('?' * len(experiments))})", tuple(experiments))]
        if query.deleted is not None:
            where.append(Sql("m.deleted_at IS NOT NULL" if query.deleted else "m.deleted_at IS NULL"))
        where += [self._condition(one, data) for one in query.where]
        if data and not any(one.part == METRIC for one in query.where):
            where.append(_measured([_on(data)]))
        orders = query.orders
        if not orders or orders[-1] != Order(ATTRIBUTE, "id"):
            orders = (*orders, Order(ATTRIBUTE, "id"))
        narrow = [*by[: len(orders)], *([None] * (len(orders) - len(by)))]
        order = [_column(one, only) for one, only in zip(orders, narrow, strict=True)]
        if after is not None:
            where.append(behind(order, fitting(MODELS, orders, after)))
        return [Match(*one) for one in page(self._rows, Sql("logged_models m"), order, where, limit)]

    def _condition(self, one: Clause, data: Sequence[Data]) -> Sql:
        if one.part != METRIC:
            return condition(MODELS, one, self._rows.dialect)
        test = compared(Sql("h.value"), one, self._rows.dialect, nan=True)
        return _measured([Sql("h.key = ?", (one.key,)), test, *([_on(data)] if data else [])])


def _measured(tests: Sequence[Sql]) -> Sql:
    """Write the condition that something was measured of a model."""
    test = joined(tests)
    return Sql(f"EXISTS (SELECT 1 FROM model_metrics h WHERE h.model = m.id AND {test.text})", test.values)


def _on(data: Sequence[Data]) -> Sql:
    """Write the condition that it was measured on any of some data."""
    either = [
        Sql("(h.dataset = ? AND h.sum = ?)", (one.name, one.sum)) if one.sum else Sql("h.dataset = ?", (one.name,))
        for one in data
    ]
    found = joined(either, " OR ")
    return Sql(f"({found.text})", found.values)


def _column(one: Order, only: Data | None) -> Column:
    if one.part != METRIC:
        return columns(MODELS, [one])[0]
    on = joined([Sql("h.key = ?", (one.key,)), *([_on([only])] if only else [])])
    newest = Sql(
        f"(SELECT h.value FROM model_metrics h WHERE h.model = m.id AND {on.text}"
        " ORDER BY h.time DESC, h.step DESC, h.run, h.dataset, h.sum LIMIT 1)",
        on.values,
    )
    return Column(newest, Sql(f"CASE WHEN {newest.text} IS NULL THEN 2 ELSE 0 END", newest.values), one.descending)
