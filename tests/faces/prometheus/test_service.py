from __future__ import annotations

import asyncio

from loopline.faces.prometheus.service import ArmState, ServiceMeters, State
from loopline.server.front import Front

from .exposing import OPENMETRICS, checked, samples

HERE = 'project="p",ref="service/n@prod"'


def meters() -> ServiceMeters:
    """Meters of a front with one arm."""
    arm = ArmState("main", "model/n@1", 3, 2, 1, 7, 0.5)
    return ServiceMeters(lambda: State(4, "c1", ready=True, arms=[arm], dropped=9), project="p", ref="service/n@prod")


def test_promtool_has_nothing_to_say_and_both_formats_say_the_same() -> None:
    """Names, units and help texts are as Prometheus asks for, and OpenMetrics has the same samples."""
    one = meters()
    one.begin("main", "model/n@1")
    one.count("main", "model/n@1", 200, rows=5, took_s=0.02)
    text, media = one.render("")
    assert media.startswith("text/plain; version=0.0.4")
    checked(text.decode())
    other, media = one.render(OPENMETRICS)
    assert media.startswith("application/openmetrics-text; version=1.0.0")
    assert set(samples(text.decode())) == set(samples(other.decode()))
    told = samples(text.decode())
    assert told[f'loopline_service_info{{change="c1",number="4",{HERE}}}'] == 1
    assert told[f'loopline_service_queue_rows{{arm="main",{HERE}}}'] == 3
    assert told[f"loopline_service_records_dropped_total{{{HERE}}}"] == 9
    assert told[f'loopline_service_request_duration_seconds_bucket{{arm="main",le="0.025",{HERE}}}'] == 1


def test_an_arm_is_there_before_it_is_asked() -> None:
    """The first request, and the first failure, have a rate: their series began at 0."""
    one = meters()
    one.begin("main", "model/n@1")
    told = samples(one.render("")[0].decode())
    for status in ("200", "429", "500", "503"):
        assert told[f'loopline_service_requests_total{{arm="main",{HERE},status="{status}",version="model/n@1"}}'] == 0
    assert told[f'loopline_service_request_duration_seconds_count{{arm="main",{HERE}}}'] == 0


def test_only_answers_have_a_latency() -> None:
    """A refusal is quick, and says nothing of how quick the service is."""
    one = meters()
    one.count("main", "model/n@1", 200, rows=5, took_s=0.02)
    one.count("main", "model/n@1", 429, rows=5, took_s=0.0)
    one.count("", "", 400, rows=0, took_s=0.0)
    told = samples(one.render("")[0].decode())
    assert told[f'loopline_service_request_duration_seconds_count{{arm="main",{HERE}}}'] == 1
    assert told[f'loopline_service_predictions_total{{arm="main",{HERE},version="model/n@1"}}'] == 5
    assert not [name for name in told if 'arm=""' in name and "requests_total" not in name]


def test_a_request_that_comes_before_the_model_is_a_failure() -> None:
    """While nothing is loaded 503 is counted, though no arm saw the request; what an arm counted is not counted twice."""

    async def go() -> dict[str, float]:
        front = Front("service/n@prod", project="p")
        front.refused("not-ready", 503)
        front.refused("bad-request", 400)
        return samples(front.metrics("")[0].decode())

    told = asyncio.run(go())
    assert told[f'loopline_service_requests_total{{arm="",{HERE},status="503",version=""}}'] == 1
    assert told[f'loopline_service_requests_total{{arm="",{HERE},status="400",version=""}}'] == 1
    assert told[f"loopline_service_ready{{{HERE}}}"] == 0
