"""serving_inputs: operations on what runs have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError, NotFound, Refused
from loopline.faces.mlflow import limits, wire_search
from loopline.faces.mlflow.asking import Ask, Operation, answer, lacking, sync
from loopline.faces.mlflow.errors import invalid, missing
from loopline.faces.mlflow.meaning import CONTEXT
from loopline.faces.mlflow.naming import experiment_id
from loopline.faces.mlflow.serving_runs import active
from loopline.faces.mlflow.serving_search import numbers_of
from loopline.ledger.datasets import Datasets
from loopline.nouns.dataset import Dataset, Reading
from loopline.nouns.experiment import Experiment
from loopline.verbs.reading import read, versions_at

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.nouns.run import Link

MOST: Final = 1_000
"""Datasets, and models, of one request."""
EXPERIMENTS: Final = 20
"""Experiments of which one may ask for data at once."""
_LIMITS: Final = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_TAG: Final = {"key": 255, "value": 500}


def log_inputs(ask: Ask) -> Response:
    """LogInputs: data with their tags, and models."""
    said: wire_search.LogInputs = ask.body
    loop, found = active(ask, said.run_id or "", "log")
    for what, several in (("datasets", said.datasets), ("models", said.models)):
        if len(several) > MOST:
            raise invalid(f"A request can contain at most {MOST} {what}. Got {len(several)} {what}.")
    readings = [_reading(ask, one) for one in said.datasets]
    models = [one.model_id for one in said.models]
    if not all(models):
        raise lacking("models.model_id")
    if readings or models:
        try:
            read(loop, found, readings, models)
        except NotFound as error:
            if error.kind != "no-model":
                raise
            raise missing(f"Logged model with ID '{error.facts.get('model')}' not found.") from None
    return answer()


def _reading(ask: Ask, one: wire_search.DatasetInput) -> Reading:
    if one.dataset is None:
        raise invalid("Dataset input must have a dataset associated with it.")
    values = {
        "name": one.dataset.name, "digest": one.dataset.digest, "source_type": one.dataset.source_type,
        "source": one.dataset.source, "schema": one.dataset.schema, "profile": one.dataset.profile,
    }  # fmt: skip
    for key, value in values.items():
        if value is None:
            raise invalid(f"Dataset {key} cannot be None")
        if key in _LIMITS:
            limits.value_fits(value, _LIMITS[key], key)
    tags = dict[str, str]()
    for tag in one.tags:
        for key, text in (("key", tag.key), ("value", tag.value)):
            if text is None:
                raise invalid(f"InputTag {key} cannot be None")
            limits.value_fits(text, _TAG[key], key)
        tags[tag.key or ""] = tag.value or ""
    described = Dataset(
        values["name"] or "", values["digest"] or "", values["source_type"] or "", values["source"] or "",
        values["schema"] or "", values["profile"] or "",
    )  # fmt: skip
    return Reading(described, tags, _versions(ask, described))


def _versions(ask: Ask, described: Dataset) -> tuple[Link, ...]:
    """Give the versions of assets that the source of data names, and that the caller may read."""
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        several = tuple(versions_at(tx, loop.project, described.name, described.source))
    found = []
    for link in several:
        try:
            ask.loop("get", str(link.asset))
        except (Refused, LooplineError):
            continue
        found.append(link)
    return tuple(found)


def search_datasets(ask: Ask) -> Response:
    """SearchDatasets: which data the runs of some experiments have read."""
    said: wire_search.SearchDatasets = ask.body
    loop = ask.loop("find")
    if not said.experiment_ids:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(said.experiment_ids) > EXPERIMENTS:
        raise invalid(
            f"SearchDatasets request cannot specify more than {EXPERIMENTS} experiment_ids."
            f" Received {len(said.experiment_ids)} experiment_ids."
        )
    with loop.ledger.read() as tx:
        groups = numbers_of(tx, loop.project, said.experiment_ids)
        names = {one.id: one for one in map(tx.experiments.by_id, [loop.project] * len(groups), groups) if one}
        several = Datasets(tx.rows, tx.taggings).summaries(groups, CONTEXT, limit=MOST)
    told: list[dict[str, Any]] = []
    for one in several:
        group = names.get(one.experiment, Experiment(one.experiment, loop.project, ""))
        more = {} if one.tag is None else {"context": one.tag}
        told.append({"experiment_id": experiment_id(group), "name": one.name, "digest": one.sum, **more})
    return answer({"dataset_summaries": told})


_P: Final = "/api/2.0/mlflow"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/runs/log-inputs"): sync(log_inputs, wire_search.LogInputs),
    ("POST", f"{_P}/experiments/search-datasets"): sync(search_datasets, wire_search.SearchDatasets),
}
