"""service: what a deployed service counts: requests, rows, seconds, batches, warnings, records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram."""


class ArmState(NamedTuple):
    """One arm at the moment of a scrape."""

    arm: str
    version: str
    waiting: int
    """Rows in its queue."""
    processes: int
    restarts: int
    batches: int
    busy_s: float


class State(NamedTuple):
    """A front at the moment of a scrape."""

    labels: dict[str, str]
    """service, number, change."""
    ready: bool
    arms: Iterable[ArmState]
    dropped: int
    """Records that did not fit."""


class ServiceMeters:
    """Everything that `/metrics` of a service shows. Counters begin at 0 with the front."""

    def __init__(self, state: Callable[[], State]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "loopline_requests", "Requests by arm, model version and status.", ("arm", "version", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._rows = Counter(
            "loopline_predictions", "Rows that were answered.", ("arm", "version"), registry=self._registry
        )
        self._seconds = Histogram(
            "loopline_request_seconds", "Time from a request's last byte to its answer.", ("arm",), buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._known: dict[tuple[str, str, int], Any] = {}
        self._registry.register(_Scraped(state))

    def count(self, arm: str, version: str, status: int, *, rows: int, took_s: float) -> None:
        """Count one request, or its part for one arm."""
        key = (arm, version, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._requests.labels(arm, version, str(status)), self._rows.labels(arm, version), self._seconds.labels(arm)
            )  # fmt: skip
        requests, answered, seconds = known
        requests.inc()
        seconds.observe(took_s)
        if status == 200:
            answered.inc(rows)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Give the exposition that a client accepts, and its media type: OpenMetrics 1.0 or Prometheus text 0.0.4."""
        encode, media = choose_encoder(accept)
        body: bytes = encode(self._registry)
        return body, media


class _Scraped(Collector):
    """What is only looked at when somebody scrapes."""

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of this moment."""
        state = self._state()
        names = list(state.labels)
        info = GaugeMetricFamily("loopline_service_info", "What is served, always 1.", labels=names)
        info.add_metric(list(state.labels.values()), 1)
        yield info
        ready = GaugeMetricFamily("loopline_service_ready", "1 where every arm with traffic can answer.")
        ready.add_metric([], int(state.ready))
        yield ready
        waiting = GaugeMetricFamily("loopline_queue_rows", "Rows that wait for a model process.", labels=["arm"])
        processes = GaugeMetricFamily("loopline_model_processes", "Model processes that live.", labels=["arm"])
        restarts = CounterMetricFamily("loopline_model_restarts", "Model processes that were lost.", labels=["arm"])
        batches = CounterMetricFamily("loopline_batches", "Batches that models answered.", labels=["arm"])
        busy = CounterMetricFamily("loopline_model_busy_seconds", "Time models spent on batches.", labels=["arm"])
        for one in state.arms:
            for family, value in (
                (waiting, one.waiting), (processes, one.processes), (restarts, one.restarts), (batches, one.batches),
                (busy, one.busy_s),
            ):  # fmt: skip
                family.add_metric([one.arm], value)
        yield from (waiting, processes, restarts, batches, busy)
        dropped = CounterMetricFamily("loopline_records_dropped", "Records that did not fit into the buffer.")
        dropped.add_metric([], state.dropped)
        yield dropped
