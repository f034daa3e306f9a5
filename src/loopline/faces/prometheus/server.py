"""server: what a server shows: requests, tasks, relay, deployments, alerts, runs, the ledger's size, its processes."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from loopline.errors import LooplineError
from loopline.faces.prometheus.exposition import render
from loopline.faces.prometheus.tally import SECONDS, Route, Tally
from loopline.nouns.deployment import DeploymentState
from loopline.nouns.run import RunState
from loopline.nouns.severity import SEVERITIES
from loopline.nouns.task import TaskState

if TYPE_CHECKING:
    from loopline.verbs.counting import Counted

SHARE: Final = 20
"""How many times as long as a look into the ledger took its answer is shown again: scrapes never take more than a part of it."""
LEAST_S: Final = 1.0


class ServerMeters(Collector):
    """Everything that `/metrics` of a server shows. `look` counts what the ledger holds; it may raise LooplineError."""

    def __init__(self, tally: Tally, look: Callable[[], Counted], *, version: str) -> None:
        self._tally, self._look, self._version = tally, look, version
        self._guard = threading.Lock()
        self._found: Counted | None = None
        self._until = 0.0

    def render(self, accept: str) -> tuple[bytes, str]:
        """Give the exposition that a client accepts, and its media type."""
        return render(self, accept)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of this moment. What the ledger holds is absent while it does not answer, and nothing else."""
        yield InfoMetricFamily(
            "loopline_build", "Version of Loopline and of Python.",
            value={"version": self._version, "python": platform.python_version()},
        )  # fmt: skip
        yield from _requests(self._tally)
        yield _counter(
            "loopline_relay_tries", "Times that this server sent an event to a subscription, by what became of it.", ("outcome",),
            (((name,), number) for name, number in self._tally.told().items()),
        )  # fmt: skip
        yield from _processes(self._tally.pids())
        counted = self._counted()
        yield _gauge("loopline_ledger_up", "1 where the ledger's database answers.", (), [((), counted is not None)])
        if counted is not None:
            yield from _ledger(counted)
            yield from _deployments(counted)

    def _counted(self) -> Counted | None:
        """Look into the ledger, but not more often than it bears."""
        with self._guard:
            began = time.monotonic()
            if began < self._until:
                return self._found
            try:
                self._found = self._look()
            except LooplineError:
                self._found = None
            took = time.monotonic() - began
            self._until = began + took + max(LEAST_S, SHARE * took)
            return self._found


def _requests(tally: Tally) -> Iterator[Metric]:
    routes = list(tally.routes())
    yield _counter(
        "loopline_http_requests", "Requests by class of route and status; status none: the client went away before its answer.",
        ("route", "status"),
        (
            ((one.name, _status(status)), number) for one in routes for status, number in one.statuses
            if number or status in (200, 500)
        ),
    )  # fmt: skip
    seconds = HistogramMetricFamily(
        "loopline_http_request_duration_seconds",
        "Time from a request's head to the end of its answer.",
        labels=["route"],
    )
    for one in routes:
        if one.name != "stream":
            seconds.add_metric([one.name], _buckets(one), one.seconds)
    yield seconds
    requests, streams = tally.now()
    yield _gauge("loopline_http_requests_in_progress", "Requests under way.", (), [((), requests)])
    yield _gauge("loopline_http_streams_open", "Streams of events that somebody listens to.", (), [((), streams)])


def _status(status: int) -> str:
    return {0: "none", 1: "other"}.get(status, str(status))


def _buckets(route: Route) -> list[tuple[str, float]]:
    found, sofar = [], 0.0
    for most, number in zip(SECONDS, route.buckets, strict=True):
        sofar += number
        found.append(("+Inf" if most == SECONDS[-1] else str(most), sofar))
    return found


def _processes(pids: list[int]) -> Iterator[Metric]:
    """Give what the system says of each process of this server, under the names that every client library uses."""
    families: dict[str, Metric] = {}
    for number, pid in enumerate(pids, 1):
        if not pid:
            continue
        for found in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {"process": str(number)}, sample.value)
    yield from families.values()


def _ledger(counted: Counted) -> Iterator[Metric]:
    tasks = {(queue, str(state)): 0.0 for queue, _ in counted.tasks for state in TaskState}
    tasks.update(counted.tasks)
    yield _gauge("loopline_tasks", "Tasks by queue and state.", ("queue", "state"), tasks.items())
    yield _gauge(
        "loopline_task_oldest_wait_seconds", "How long the task that waits longest has waited, by queue.", ("queue",),
        (((queue,), counted.waits_s.get(queue, 0.0)) for queue in dict.fromkeys(queue for queue, _ in counted.tasks)),
    )  # fmt: skip
    yield _gauge(
        "loopline_runs", "Runs that are recorded, by state.", ("state",),
        (((state,), counted.runs.get(state, 0)) for state in RunState),
    )  # fmt: skip
    yield _gauge(
        "loopline_alerts_open", "Alerts of services' monitors that are open, by severity.", ("severity",),
        (((one,), counted.alerts.get(one, 0)) for one in SEVERITIES),
    )  # fmt: skip
    backlog = counted.backlog
    for name, text, number in (
        ("loopline_relay_subscriptions", "Subscriptions.", backlog.subscriptions),
        ("loopline_relay_subscriptions_paused", "Subscriptions that nobody has resumed yet.", backlog.paused),
        ("loopline_relay_subscriptions_failing", "Subscriptions whose last try did not arrive.", backlog.failing),
        ("loopline_relay_lag_events", "Events that the subscription which is furthest behind has not seen.", backlog.lag),
        ("loopline_relay_dead_events", "Events that were given up, and wait for loopline redeliver.", backlog.dead),
        ("loopline_ledger_events", "Events in the feeds of all projects.", counted.events),
        ("loopline_ledger_size_bytes", "Bytes that the ledger's rows take, without blobs.", counted.size),
    ):  # fmt: skip
        yield _gauge(name, text, (), [((), number)])


def _deployments(counted: Counted) -> Iterator[Metric]:
    labels = ("project", "ref")
    each = [((project, one.ref), one) for project, one in counted.deployments]
    yield _gauge(
        "loopline_deployment_desired_version", "Version of the service that its ref names.", labels,
        ((key, one.number or 0) for key, one in each),
    )  # fmt: skip
    yield _gauge(
        "loopline_deployment_serving_version", "Version of the service that answers; 0: none.", labels,
        ((key, one.serving or 0) for key, one in each),
    )  # fmt: skip
    yield _gauge(
        "loopline_deployment_state", "1 for the state that the deployment is in.", (*labels, "state"),
        (((*key, state), one.state == state) for key, one in each for state in get_args(DeploymentState)),
    )  # fmt: skip
    yield _gauge(
        "loopline_deployment_seen_timestamp_seconds", "When its host said last how it does.", labels,
        ((key, one.seen_at / 1e6) for key, one in each if one.seen_at is not None),
    )  # fmt: skip
    yield _gauge(
        "loopline_deployment_models_behind", "Models whose ref has moved on since they were deployed.", labels,
        ((key, len(one.behind)) for key, one in each),
    )  # fmt: skip


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, float(value))
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
