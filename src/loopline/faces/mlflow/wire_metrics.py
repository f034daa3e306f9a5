"""wire_metrics: the documents about series of metrics, as they are sent and as they are told."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from loopline.faces.mlflow.asking import Document
from loopline.faces.mlflow.wire import OneRun, Param, Tag


class Metric(Document, gc=False):
    """A point of a series."""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogMetric(OneRun):
    """A point of a run: all that stands in `Metric`, from which no second layout can be inherited."""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("key", "value", "timestamp")


class LogBatch(OneRun):
    """Much of a run at once."""

    metrics: tuple[Metric, ...] = ()
    params: tuple[Param, ...] = ()
    tags: tuple[Tag, ...] = ()


class GetHistory(OneRun):
    """A series of a run."""

    metric_key: str | None = None
    page_token: str = ""
    max_results: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("metric_key",)


class GetIntervals(Document):
    """What a chart shows of one metric of several runs."""

    run_ids: tuple[str, ...] = ()
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("metric_key",)


class Told(msgspec.Struct, gc=False):
    """A point of a series, as it is told."""

    key: str
    value: float | str
    timestamp: int
    step: int


class ToldOf(msgspec.Struct, gc=False):
    """A point of a series, with the run that it is of."""

    key: str
    value: float | str
    timestamp: int
    step: int
    run_id: str
