"""measuring: metrics that are measured of a logged model: kept with the model, beside the series of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from loopline.faces.mlflow import translate
from loopline.faces.mlflow.addresses import find_model
from loopline.faces.mlflow.serving_runs import active
from loopline.nouns.logged import Measure
from loopline.verbs.modelling import measured

if TYPE_CHECKING:
    from loopline.faces.mlflow.asking import Ask


class Said(Protocol):
    """A metric as clients say it."""

    key: Any
    value: Any
    timestamp: Any
    step: int
    model_id: str | None
    dataset_name: str | None
    dataset_digest: str | None


def measure(ask: Ask, run: str, metrics: Iterable[Said]) -> None:
    """Keep what metrics say of models; those that name none cost nothing. Raise Fault 404 for no such model, or run."""
    said = [one for one in metrics if one.model_id]
    if not said:
        return
    loop, found = active(ask, run, "log")
    with loop.ledger.telemetry() as tx:
        for name in dict.fromkeys(one.model_id or "" for one in said):
            find_model(tx, loop.project, name)
        measured(
            tx, loop.project,
            [
                Measure(
                    one.model_id or "", found.id, one.key or "", one.value or 0.0, one.step,
                    translate.us(one.timestamp) or 0, one.dataset_name or "", one.dataset_digest or "",
                )
                for one in said
            ],
        )  # fmt: skip
