"""`/metrics` of a server, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Unavailable
from loopline.faces.prometheus.server import ServerMeters
from loopline.faces.prometheus.tally import alone
from loopline.nouns.alert import Alert
from loopline.nouns.task import Task
from loopline.verbs.counting import Counted, counted
from loopline.verbs.start import start
from loopline.verbs.subscribe import subscribe
from tests.server.serving import Served

from .exposing import OPENMETRICS, checked, samples


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a fresh ledger."""
    served = Served(tmp_path)
    yield served
    served.close()


def scraped(served: Served, accept: str = "", **asked: Any) -> str:
    """Scrape it."""
    answer = served.ask("GET", "/metrics", headers={"accept": accept} if accept else {}, **asked)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_promtool_has_nothing_to_say_and_both_formats_say_the_same(served: Served) -> None:
    """Names, units and help texts are as Prometheus asks for; OpenMetrics parses, ends, and has the same samples."""
    start(served.loop, "train")
    served.ask("GET", "/api/v1/find")
    text = scraped(served)
    checked(text)
    other = scraped(served, OPENMETRICS)
    assert other.endswith("# EOF\n")
    one, two = samples(text), samples(other)
    assert set(one) == set(two)
    assert two['loopline_http_requests_total{route="metrics",status="200"}'] == 1
    answer = served.ask("GET", "/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert served.ask("HEAD", "/metrics").content == b""


def test_it_shows_what_there_is(served: Served) -> None:
    """Requests by class and status, tasks and how long they wait, runs, alerts, subscriptions and the ledger's size."""
    loop = served.loop
    start(loop, "train")
    subscribe(loop, "http://127.0.0.1:9/hook", secret="env:HOOK")
    with loop.ledger.telemetry() as tx:
        tx.tasks.add(Task("0" * 32, loop.project, "run", "person:ann"))
        for severity in ("high", "low"):
            name = ("1" if severity == "high" else "2") * 32
            tx.alerts.open(
                Alert(name, loop.project, "service/delay@prod", severity, "drift", severity, "it moved", 0, 0)
            )
    loop.clock.advance(seconds=42)  # type: ignore[attr-defined]
    for path in ("/api/v1/find", "/api/v1/find?what=never", "/never"):
        served.ask("GET", path)
    told = samples(scraped(served))
    assert told['loopline_http_requests_total{route="read",status="200"}'] == 1
    assert told['loopline_http_requests_total{route="read",status="400"}'] == 1
    assert told['loopline_http_requests_total{route="page",status="404"}'] == 1
    assert told['loopline_http_request_duration_seconds_count{route="read"}'] == 2
    assert told['loopline_http_request_duration_seconds_bucket{le="+Inf",route="read"}'] == 2
    assert told["loopline_http_requests_in_progress"] == 1
    assert told['loopline_tasks{queue="default",state="queued"}'] == 1
    assert told['loopline_tasks{queue="default",state="failed"}'] == 0
    assert told['loopline_task_oldest_wait_seconds{queue="default"}'] == 42
    assert told['loopline_runs{state="running"}'] == 1
    assert told['loopline_alerts_open{severity="high"}'] == 1
    assert told['loopline_alerts_open{severity="medium"}'] == 0
    assert told["loopline_relay_subscriptions"] == 1
    assert told["loopline_ledger_up"] == 1
    assert told["loopline_ledger_size_bytes"] > 10_000
    assert told['process_resident_memory_bytes{process="1"}'] > 1e6


def test_who_may_read_it(served: Served) -> None:
    """Anybody on an open loopback; else a token for every project, which may be good for nothing but this; never a project's."""
    assert served.ask("GET", "/metrics", client="10.0.0.1").status_code == 401
    served.token("ann", "admin", everywhere=True)
    assert served.ask("GET", "/metrics").status_code == 401
    for number, (scopes, everywhere, status) in enumerate((
        (("metrics",), True, 200),
        (("read",), True, 200),
        (("metrics:flights",), True, 403),
        (("find",), True, 403),
        ((), False, 403),
    )):
        token = served.token(f"token:t{number}", "maintainer", scopes=scopes, everywhere=everywhere).secret
        assert served.ask("GET", "/metrics", token=token).status_code == status, (scopes, everywhere)
    only = served.token("token:prometheus", "viewer", scopes=("metrics",), everywhere=True).secret
    assert served.ask("GET", "/api/v1/find", token=only).status_code == 403


def test_a_ledger_that_does_not_answer_is_a_sample(served: Served) -> None:
    """Requests and processes are shown all the same, and that the ledger is away is one of the things shown."""

    def away() -> Counted:
        raise Unavailable("gone", kind="ledger-unreachable", hint="wait")

    text = ServerMeters(alone(), away, version="1").render("")[0].decode()
    checked(text)
    told = samples(text)
    assert told["loopline_ledger_up"] == 0
    assert 'loopline_http_requests_total{route="read",status="200"}' in told
    assert not [name for name in told if name.startswith(("loopline_tasks", "loopline_runs"))]


def test_scrapes_do_not_wear_the_ledger_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody scrapes, looks take at most a small part of the time."""
    looks = []
    clock = [1000.0]

    @contextmanager
    def timed(seconds: float) -> Iterator[None]:
        clock[0] += seconds
        yield

    def look() -> Counted:
        looks.append(clock[0])
        with timed(0.5):
            return counted(served.loop)

    monkeypatch.setattr("loopline.faces.prometheus.server.time.monotonic", lambda: clock[0])
    meters = ServerMeters(alone(), look, version="1")
    for _ in range(100):
        meters.render("")
        clock[0] += 1
    assert len(looks) <= 10
