"""serving_metrics: points as they are logged, one by one and by the thousand, and the batch that holds params and tags, too."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from math import isnan
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, NotFound
from loopline.faces.mlflow import limits, wire_metrics
from loopline.faces.mlflow.asking import Ask, Operation, answer, lacking, written
from loopline.faces.mlflow.errors import inactive, invalid, no_run
from loopline.faces.mlflow.measuring import measure
from loopline.faces.mlflow.naming import run_named, tag_kept
from loopline.faces.mlflow.serving_runs import NAME, name_fits, other_value
from loopline.ledger.metrics import Value
from loopline.verbs.annotate import annotate
from loopline.verbs.gathering import gather

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from starlette.responses import Response

_LATEST: Final = 2**53
"""Milliseconds that fit into the ledger, whose times are microseconds."""


def log_metric(ask: Ask) -> Response:
    """logMetric: one point."""
    said: wire_metrics.LogMetric = ask.body
    limits.key_fits(said.key or "")
    point = _point(said.value or 0.0, said.timestamp or 0, said.step)
    with _one(ask, more=said.model_id is not None):
        measure(ask, said.run, (said,))
        _gather(ask, said.run, {said.key or "": (point,)})
    return answer()


def log_batch(ask: Ask) -> Response:
    """logBatch: points, params and tags, all or none."""
    said: wire_metrics.LogBatch = ask.body
    limits.batch_fits(said.metrics, said.params, said.tags)
    limits.once(param.key for param in said.params)
    batches = batches_of(said.metrics)
    for param in said.params:
        limits.key_fits(param.key)
        limits.value_fits(param.value, limits.PARAM)
    for tag in said.tags:
        limits.key_fits(tag.key)
        limits.value_fits(tag.value, limits.TAG)
    tags = {tag.key: tag.value for tag in said.tags}
    name = tags.pop(NAME, "")
    name_fits(name)
    with _one(ask, more=bool(name) or any(one.model_id for one in said.metrics)):
        measure(ask, said.run, said.metrics)
        run = _gather(
            ask, said.run, batches, params={one.key: one.value for one in said.params},
            tags={tag_kept(key): value for key, value in tags.items()},
        )  # fmt: skip
        if name:
            annotate(ask.loop("log"), run, rename=name)
    return answer()


def _one(ask: Ask, *, more: bool) -> AbstractContextManager[object]:
    """Make one transaction of what writes more than the run's own points, params and tags: all of it holds, or none."""
    return ask.loop("log").ledger.telemetry() if more else nullcontext()


def batches_of(metrics: Iterable[wire_metrics.Metric]) -> dict[str, list[Value]]:
    """Give the points of a batch by the key of their series. Raise Fault 400 for what is missing or fits nothing."""
    batches: dict[str, list[Value]] = {}
    for i, one in enumerate(metrics):
        key, value, time = one.key, one.value, one.timestamp
        if not key or value is None or time is None:
            raise lacking(f"metrics[{i}].{'key' if not key else 'value' if value is None else 'timestamp'}")
        there = batches.get(key)
        if there is None:
            limits.key_fits(key)
            there = batches[key] = []
        there.append(_point(value, time, one.step))
    return batches


def _point(value: float, time: int, step: int) -> Value:
    limits.step_fits(step)
    if not -_LATEST <= time <= _LATEST:
        raise invalid(f"Invalid value {time} for parameter 'timestamp' supplied: it is in milliseconds.")
    return step, time * 1000, None if isnan(value) else value


def _gather(
    ask: Ask,
    said: str,
    batches: Mapping[str, list[Value] | tuple[Value, ...]],
    *,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Write to a run, and give its id. Raise Fault for one that is not there or was deleted, and for another value of a param."""
    loop, run = ask.loop("log"), run_named(said)
    try:
        return gather(loop, run, batches, params=params or {}, tags=tags or {})
    except NotFound:
        raise no_run(said) from None
    except Conflict as conflict:
        if conflict.kind == "run-deleted":
            raise inactive(f"run {said}") from None
        raise other_value(conflict, said) from None


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/api/2.0/mlflow/runs/log-metric"): written(log_metric, wire_metrics.LogMetric),
    ("POST", "/api/2.0/mlflow/runs/log-batch"): written(log_batch, wire_metrics.LogBatch),
}
