"""serving_search: operations that find runs, experiments and datasets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loopline.faces.mlflow import translate, wire_search
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.entities import EXPERIMENTS, RUNS
from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.filters import filter_of, order_of
from loopline.faces.mlflow.meaning import (
    by_experiments,
    by_runs,
    deleted_of,
    not_an_experiment,
    of_experiments,
    of_runs,
)
from loopline.faces.mlflow.naming import DEFAULT
from loopline.faces.mlflow.pages import place_of, size_fits, token_of
from loopline.faces.mlflow.serving_runs import whole
from loopline.faces.problem import encoded
from loopline.ledger.matches import Matches
from loopline.nouns.query import Query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from loopline.ledger.ledger import Tables

PIECE: Final = 500
"""Runs that are written at a time."""
SEVERAL: Final = 10_000
"""Experiments in which one can look at once."""


def runs(ask: Ask) -> Response:
    """SearchRuns."""
    said: wire_search.SearchRuns = ask.body
    loop = ask.loop("find")
    size = size_fits(said.max_results)
    query = Query(
        of_runs(filter_of(RUNS, said.filter)),
        by_runs(order_of(RUNS, said.order_by)),
        deleted_of(said.run_view_type, "run_view_type"),
    )
    about = ("runs", loop.project, sorted(set(said.experiment_ids)), query)
    after = place_of(said.page_token, about)
    with loop.ledger.read() as tx:
        groups = numbers_of(tx, loop.project, said.experiment_ids)
        found = Matches(tx.rows).runs(groups, query, limit=size + 1, after=after)
        told: dict[str, Any] = {"runs": _written(tx, [one.id for one in found[:size]])}
    if len(found) > size:
        told["next_page_token"] = token_of(found[size - 1].place, about)
    return answer(told)


def _written(tx: Tables, ids: list[str]) -> msgspec.Raw:
    """Write runs as JSON, some at a time: 50,000 as objects of Python would take ten times the room of the answer."""
    pieces = [
        encoded(whole(tx, tx.runs.described(ids[start : start + PIECE])))[1:-1] for start in range(0, len(ids), PIECE)
    ]
    return msgspec.Raw(b"[" + b",".join(pieces) + b"]")


def experiments(ask: Ask) -> Response:
    """SearchExperiments."""
    said: wire_search.SearchExperiments = ask.body
    loop = ask.loop("find")
    size = size_fits(said.max_results)
    where, orders = filter_of(EXPERIMENTS, said.filter), order_of(EXPERIMENTS, said.order_by)
    deleted = deleted_of(said.view_type, "view_type")
    about = ("experiments", loop.project, where, orders, deleted)
    after = place_of(said.page_token, about)
    with loop.ledger.read() as tx:
        query = Query(of_experiments(where, _default(tx, loop.project)), by_experiments(orders), deleted)
        found = tx.experiments.query(loop.project, query, unborn=DEFAULT, limit=size + 1, after=after)
    told: dict[str, Any] = {"experiments": [translate.experiment(one) for one, _ in found[:size]]}
    if len(found) > size:
        told["next_page_token"] = token_of(found[size - 1][1], about)
    return answer(told)


def numbers_of(tx: Tables, project: str, said: Iterable[str]) -> list[int]:
    """Give the numbers in the ledger of experiments; those that are not this project's are left out. Raise Fault 400."""
    found = set[int]()
    for one in said:
        if not re.fullmatch(r"-?[0-9]{1,18}", one):
            raise not_an_experiment(one)
        found.add(int(one))
    if len(found) > SEVERAL:
        raise invalid(f"Invalid value for parameter 'experiment_ids' supplied: at most {SEVERAL} experiments at once.")
    if 0 in found:
        found.add(_default(tx, project))
    return sorted(found & tx.experiments.here(project))


def _default(tx: Tables, project: str) -> int:
    return tx.experiments.numbers(project, [DEFAULT]).get(DEFAULT, 0)


_P: Final = "/api/2.0/mlflow"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/runs/search"): sync(runs, wire_search.SearchRuns),
    ("POST", f"{_P}/experiments/search"): sync(experiments, wire_search.SearchExperiments),
    ("GET", f"{_P}/experiments/search"): sync(experiments, wire_search.SearchExperiments),
}
