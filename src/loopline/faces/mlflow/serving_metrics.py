"""serving_metrics: operations on series of metrics, and the batch that holds everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict
from loopline.faces.mlflow import limits, translate, wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.measuring import measure
from loopline.faces.mlflow.naming import find_run, tag_kept
from loopline.faces.mlflow.serving_runs import NAME, active, other_value, write_tags
from loopline.nouns.run import Point
from loopline.verbs.log import log

if TYPE_CHECKING:
    from starlette.responses import Response

_MOST: Final = 2**63
PAGE: Final = 25_000
"""Points of a page where nobody says how many."""


def _point(metric: wire.Metric | wire.LogMetric) -> Point:
    if not -_MOST <= metric.step < _MOST:
        raise invalid(f"Invalid value {metric.step} for parameter 'step' supplied: it fits into 64 bits.")
    time = translate.us(metric.timestamp)
    if time is None:
        raise invalid(f"Invalid value {metric.timestamp} for parameter 'timestamp' supplied: it is in milliseconds.")
    return Point(metric.key or "", metric.value or 0.0, metric.step, time)


def log_metric(ask: Ask) -> Response:
    """logMetric: one point."""
    said: wire.LogMetric = ask.body
    loop, found = active(ask, said.run, "log")
    limits.key_fits(said.key or "")
    measure(ask, said.run, (said,))
    log(loop, found.id, points=(_point(said),))
    return answer()


def log_batch(ask: Ask) -> Response:
    """logBatch: points, params and tags, all or none."""
    said: wire.LogBatch = ask.body
    loop, found = active(ask, said.run, "log")
    limits.batch_fits(said.metrics, said.params, said.tags)
    limits.once(param.key for param in said.params)
    for key in (*(one.key for one in said.metrics), *(one.key for one in said.params), *(one.key for one in said.tags)):
        limits.key_fits(key)
    for param in said.params:
        limits.value_fits(param.value, limits.PARAM)
    for tag in said.tags:
        limits.value_fits(tag.value, limits.TAG)
    measure(ask, said.run, said.metrics)
    tags = {tag.key: tag.value for tag in said.tags}
    if not (said.metrics or said.params or said.tags):
        return answer()
    try:
        log(
            loop, found.id, points=tuple(map(_point, said.metrics)), params={one.key: one.value for one in said.params},
            tags={tag_kept(key): value for key, value in tags.items() if key != NAME},
        )  # fmt: skip
    except Conflict as conflict:
        raise other_value(conflict, found.id) from None
    if NAME in tags:
        write_tags(loop, found, {NAME: tags[NAME]})
    return answer()


def get_history(ask: Ask) -> Response:
    """GetMetricHistory: a series, by step and time, in pages where that is asked for."""
    said: wire.GetHistory = ask.body
    loop = ask.loop("series")
    with loop.ledger.read() as tx:
        found = find_run(tx, loop.project, said.run)
        points = tx.metrics.history(found.id, said.metric_key or "", limit=10_000_000)
    return answer({"metrics": [translate.metric(point) for point in points]})


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/api/2.0/mlflow/runs/log-metric"): sync(log_metric, wire.LogMetric),
    ("POST", "/api/2.0/mlflow/runs/log-batch"): sync(log_batch, wire.LogBatch),
    ("GET", "/api/2.0/mlflow/metrics/get-history"): sync(get_history, wire.GetHistory),
}
