"""inputs: what runs have read, as clients are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.faces.mlflow.translate import pairs
from loopline.ledger.datasets import Datasets
from loopline.verbs.reading import models_read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopline.ledger.ledger import Tables
    from loopline.nouns.dataset import Dataset


def inputs_of(tx: Tables, runs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Give what clients are told of the data and the models that runs have read; runs without any are left out."""
    several = list(runs)
    found: dict[str, dict[str, Any]] = {}
    for run, readings in Datasets(tx.rows, tx.taggings).read_by(several).items():
        told = [{"tags": pairs(one.tags), "dataset": _dataset(one.dataset)} for one in readings]
        found.setdefault(run, {})["dataset_inputs"] = told
    for run, models in models_read(tx, several).items():
        found.setdefault(run, {})["model_inputs"] = [{"model_id": name} for name in models]
    return found


def _dataset(one: Dataset) -> dict[str, str]:
    told = {
        "name": one.name, "digest": one.sum, "source_type": one.source_type, "source": one.source, "schema": one.schema,
        "profile": one.profile,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value or key in ("name", "digest", "source_type", "source")}
