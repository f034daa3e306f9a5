"""serving_modelsearch: logged models, searched by attributes, metrics, params, tags, and by the data they were measured on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow import limits
from loopline.faces.mlflow import wire_models as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync, unfit
from loopline.faces.mlflow.entities import LOGGED_MODELS
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.filters import field_of, filter_of, orders_fit
from loopline.faces.mlflow.naming import DEFAULT, find_experiment
from loopline.faces.mlflow.pages import place_of, token_of
from loopline.faces.mlflow.serving_models import told
from loopline.ledger.modelsearch import Data
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Query, Told

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.ledger.ledger import Tables

USUAL: Final = 100
"""Models of a page where nobody says how many."""
MOST: Final = 1_000
"""Models of a page, however many are asked for: the next page has the rest."""
_EXPERIMENTS: Final = 1_000
_DATASETS: Final = 100
_KEYS: Final = {
    "name": "name", "model_id": "id", "model_type": "kind", "status": "state", "source_run_id": "run",
    "experiment_id": "experiment", "creation_timestamp": "created_ms", "last_updated_timestamp": "updated_ms",
}  # fmt: skip
_STATUS: Final[Told] = (("pending", "PENDING"), ("ready", "READY"), ("failed", "FAILED"))


def search(ask: Ask) -> Response:
    """SearchLoggedModels."""
    said: wire.SearchLoggedModels = ask.body
    loop = ask.loop("find")
    experiments = said.experiment_ids or ()
    if len(experiments) > _EXPERIMENTS:
        raise invalid(f"'experiment_ids' has at most {_EXPERIMENTS} ids. Got {len(experiments)}.")
    if said.max_results is not None and not 0 <= said.max_results <= limits.RESULTS:
        raise unfit("max_results", said.max_results, f": it is a number up to {limits.RESULTS}.")
    if any(not one.dataset_name for one in said.datasets):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    if len(said.datasets) > _DATASETS:
        raise invalid(f"'datasets' has at most {_DATASETS} datasets. Got {len(said.datasets)}.")
    orders_fit(len(said.order_by))
    orders = [field_of(LOGGED_MODELS, one.field_name, descending=one.ascending is False) for one in said.order_by]
    comparisons = filter_of(LOGGED_MODELS, said.filter)
    most = min(said.max_results or USUAL, MOST)
    with loop.ledger.read() as tx:
        zero = tx.experiments.find(loop.project, DEFAULT, deleted=True)
        group: Told = ((str(zero.id), "0"),) if zero else ()
        by = [Data(one.dataset_name, one.dataset_digest) if one.dataset_name else None for one in said.order_by]
        kept = [_order(one, group) for one in orders]
        if not any(one.key == "created_ms" and one.part == ATTRIBUTE for one in kept):
            kept.append(Order(ATTRIBUTE, "created_ms", descending=True))
        query = Query(tuple(_comparison(one, group) for one in comparisons), tuple(kept))
        about = ("logged models", loop.project, experiments, said.filter, said.datasets, said.order_by)
        found = tx.model_matches.find(
            _groups(tx, loop.project, experiments), query,
            data=[Data(one.dataset_name, one.dataset_digest) for one in said.datasets], by=by, limit=most + 1,
            after=place_of(said.page_token or "", about),
        )  # fmt: skip
        rows = told(tx, tx.logged.all(one.model for one in found[:most]))
    more = {"next_page_token": token_of(found[most - 1].place, about)} if len(found) > most else {}
    return answer({"models": rows, **more})


def _groups(tx: Tables, project: str, said: tuple[str, ...]) -> list[int]:
    """Give the numbers of experiments; one that is not there has no models."""
    found = []
    for one in said:
        try:
            group = find_experiment(tx, project, one)
        except Fault:
            continue
        if group.id:
            found.append(group.id)
    return list(dict.fromkeys(found))


def _comparison(one: Clause, group: Told) -> Clause:
    if one.part != ATTRIBUTE:
        return one
    return replace(one, key=_KEYS[one.key], told=_told(one.key, group))


def _order(one: Order, group: Told) -> Order:
    if one.part != ATTRIBUTE:
        return one
    return replace(one, key=_KEYS[one.key], told=_told(one.key, group))


def _told(key: str, group: Told) -> Told:
    return {"status": _STATUS, "experiment_id": group}.get(key, ())


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/api/2.0/mlflow/logged-models/search"): sync(search, wire.SearchLoggedModels),
}
