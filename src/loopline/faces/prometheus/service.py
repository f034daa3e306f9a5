"""service: what a deployed service counts: requests, rows, seconds, batches, restarts, records.

Every sample names project and ref: rules and dashboards find it however the service is scraped. (`service` would be taken by what
discovers targets in Kubernetes.) Arms, versions and statuses are those that were deployed and that we give: no request makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from loopline.faces.prometheus.exposition import render
from loopline.nouns.service import LATENCIES_S

LABELS: Final = ("project", "ref")
USUAL: Final = ("200", "429", "500", "503")
"""Statuses that each arm has from the beginning."""


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

    number: int | None
    """Version of the service that answers."""
    change: str
    ready: bool
    arms: Iterable[ArmState]
    dropped: int
    """Records that did not fit."""


class ServiceMeters:
    """Everything that `/metrics` of a service shows. Counters begin at 0 with the front."""

    def __init__(self, state: Callable[[], State], *, project: str, ref: str) -> None:
        self._here = (project, ref)
        self._registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call] # in text they would be gauges beside every counter
        self._requests = Counter(
            "loopline_service_requests", "Requests by arm, model version and status.", (*LABELS, "arm", "version", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._rows = Counter(
            "loopline_service_predictions", "Rows that were answered.", (*LABELS, "arm", "version"), registry=self._registry
        )  # fmt: skip
        self._seconds = Histogram(
            "loopline_service_request_duration_seconds", "Time from a request's last byte to its answer, where there was one.",
            (*LABELS, "arm"), buckets=LATENCIES_S, registry=self._registry,
        )  # fmt: skip
        self._known: dict[tuple[str, str, int], Any] = {}
        ProcessCollector(registry=self._registry)
        self._registry.register(_Scraped(state, self._here))

    def begin(self, arm: str, version: str) -> None:
        """Show zeros for an arm that can answer now: what appears with its first request has no rate before its second."""
        for usual in USUAL:
            self._requests.labels(*self._here, arm, version, usual)
        self._rows.labels(*self._here, arm, version)
        self._seconds.labels(*self._here, arm)

    def count(self, arm: str, version: str, status: int, *, rows: int, took_s: float) -> None:
        """Count one request, or its part for one arm. One that no arm saw has none, and neither rows nor a time."""
        here = self._here
        if not arm:
            self._requests.labels(*here, "", "", str(status)).inc()
            return
        key = (arm, version, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._requests.labels(*here, arm, version, str(status)), self._rows.labels(*here, arm, version),
                self._seconds.labels(*here, arm),
            )  # fmt: skip
        requests, answered, seconds = known
        requests.inc()
        if status == 200:
            answered.inc(rows)
            seconds.observe(took_s)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Give the exposition that a client accepts, and its media type."""
        return render(self._registry, accept)


class _Scraped(Collector):
    """What is only looked at when somebody scrapes."""

    def __init__(self, state: Callable[[], State], here: tuple[str, str]) -> None:
        self._state, self._here = state, here

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of this moment."""
        state = self._state()
        yield InfoMetricFamily(
            "loopline_service", "What is served, and since which change.",
            value={
                **dict(zip(LABELS, self._here, strict=True)), "number": "" if state.number is None else str(state.number),
                "change": state.change,
            },
        )  # fmt: skip
        yield self._one(GaugeMetricFamily, "ready", "1 where every arm with traffic can answer.", int(state.ready))
        arms = list(state.arms)
        for kind, name, text, values in (
            (GaugeMetricFamily, "queue_rows", "Rows that wait for a model process.", [one.waiting for one in arms]),
            (GaugeMetricFamily, "model_processes", "Model processes that live.", [one.processes for one in arms]),
            (CounterMetricFamily, "model_restarts", "Model processes that were lost.", [one.restarts for one in arms]),
            (CounterMetricFamily, "batches", "Batches that models answered.", [one.batches for one in arms]),
            (CounterMetricFamily, "model_busy_seconds", "Time models spent on batches.", [one.busy_s for one in arms]),
        ):  # fmt: skip
            yield self._by_arm(kind, name, text, arms, values)
        yield self._one(
            CounterMetricFamily, "records_dropped", "Records that did not fit into the buffer.", state.dropped
        )

    def _one(self, kind: Any, name: str, text: str, value: float) -> Metric:
        family: Metric = kind(f"loopline_service_{name}", text, labels=LABELS)
        family.add_metric(self._here, value)  # type: ignore[attr-defined]
        return family

    def _by_arm(self, kind: Any, name: str, text: str, arms: Sequence[ArmState], values: Sequence[float]) -> Metric:
        family: Metric = kind(f"loopline_service_{name}", text, labels=(*LABELS, "arm"))
        for arm, value in zip(arms, values, strict=True):
            family.add_metric((*self._here, arm.arm), value)  # type: ignore[attr-defined]
        return family
