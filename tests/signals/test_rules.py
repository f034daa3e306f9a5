from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml

from loopline.nouns.digest import Digest
from loopline.nouns.service import Arm, Objectives, Service
from loopline.signals.rules import Watched, recorded, rules, span, windows, yaml
from tests.faces.prometheus.exposing import promtool

REF = "service/delay@prod"
LABELS = 'project="flights",ref="service/delay@prod"'
ARM = Arm("main", "model/delay@7", Digest("sha256:" + "0" * 64))


def watched(**objectives: Any) -> Watched:
    """A service with objectives."""
    return Watched("flights", REF, Service("service/delay", (ARM,), objectives=Objectives(**objectives)))


BOTH = watched(availability=0.999, latency=0.99, within=timedelta(milliseconds=250))


def counters(name: str, values: str, **labels: str) -> dict[str, str]:
    """One series of a test for promtool."""
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return {"series": f"loopline_service_{name}{{{LABELS}{more}}}", "values": values}


def traffic(good: str, bad: str, *, slow: str = "0x6000", status: str = "503") -> list[dict[str, str]]:
    """Requests once a minute: answered ones, failed ones, and of the answered those that were slow."""
    return [
        counters("requests_total", good, arm="main", status="200"),
        counters("requests_total", bad, arm="main", status=status),
        counters("request_duration_seconds_count", good, arm="main"),
        counters("request_duration_seconds_bucket", slow, arm="main", le="0.25"),
        counters("ready", "1x6000"),
    ]


def fires(
    tmp_path: Path,
    one: Watched,
    series: list[dict[str, str]],
    at: dict[str, dict[str, list[dict[str, str]]]],
    every: str = "5m",
) -> None:
    """Let promtool run the rules over series: at each time each alert must fire with exactly these labels."""
    (tmp_path / "delay.rules.yml").write_text(yaml(rules(one)))
    alerts = {
        rule["alert"]: rule["annotations"] for group in rules(one)["groups"] for rule in group["rules"] if "alert" in rule
    }  # fmt: skip
    assert alerts
    tests = [
        {
            "interval": "1m",
            "input_series": series,
            "alert_rule_test": [],
            "promql_expr_test": [
                {
                    "expr": f'count by (alertname, objective, window) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": time,
                    "exp_samples": [
                        {"labels": "{" + ",".join(f'{k}="{v}"' for k, v in {"alertname": name, **more}.items()) + "}", "value": 1}
                        for more in expected
                    ],
                }
                for time, names in at.items() for name, expected in names.items()
            ],
        }
    ]  # fmt: skip
    document = {"rule_files": ["delay.rules.yml"], "evaluation_interval": every, "tests": tests}
    (tmp_path / "test.yml").write_text(json.dumps(document))
    promtool("test", "rules", "test.yml", folder=tmp_path)


AVAILABILITY, LATENCY = "LooplineServiceAvailabilityBurns", "LooplineServiceLatencyBurns"


def burnt(objective: str, *spans: str) -> list[dict[str, str]]:
    """The alerts of an objective that fire."""
    return [{"objective": objective, "window": one} for one in spans]


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    """Rules with both objectives, with one and with none are rule files."""
    for number, one in enumerate((BOTH, watched(latency=0.95, window=timedelta(days=7)), watched())):
        (tmp_path / f"{number}.rules.yml").write_text(yaml(rules(one)))
        said = promtool("check", "rules", "--lint-fatal", f"{number}.rules.yml", folder=tmp_path)
        assert "SUCCESS" in said


def test_a_good_service_alerts_nobody(tmp_path: Path) -> None:
    """A service that fails far less often than it may, and answers in time, fires nothing."""
    series = traffic("0+10000x400", "0+1x400", slow="0+9990x400")
    fires(tmp_path, BOTH, series, {"6h": {AVAILABILITY: [], LATENCY: [], "LooplineServiceDown": []}})


def test_a_sudden_failure_is_told_within_minutes_and_over_soon_after(tmp_path: Path) -> None:
    """Two of ten requests fail: the one-hour alert fires within ten minutes, and is over soon after the mending."""
    series = traffic("0+10x180 1800+8x30 2040+10x100", "0x180 0+2x30 60x100", slow="0+10x180 1800+8x30 2040+10x100")
    quiet: list[dict[str, str]] = []
    fires(
        tmp_path, BOTH, series,
        {
            "175m": {AVAILABILITY: quiet, LATENCY: quiet},
            "190m": {AVAILABILITY: burnt("availability", "1h", "6h", "3d")},
            "220m": {LATENCY: quiet},
            "225m": {AVAILABILITY: burnt("availability", "6h", "3d")},
            "260m": {AVAILABILITY: burnt("availability", "3d")},
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fails"), [("500", True), ("503", True), ("429", True), ("400", False), ("404", False)]
)
def test_what_a_client_does_wrong_burns_nothing(tmp_path: Path, status: str, *, fails: bool) -> None:
    """Failures and overload count; requests that could not be answered are not even among those that count."""
    series = traffic("0+5x120", "0+5x120", slow="0+5x120", status=status)
    fires(tmp_path, BOTH, series, {"60m": {AVAILABILITY: burnt("availability", "1h", "6h", "3d") if fails else []}})


def test_a_slow_burn_is_a_ticket_and_no_page(tmp_path: Path) -> None:
    """What would use the budget up just too early is told, and wakes nobody."""
    series = traffic("0+9985x400", "0+15x400", slow="0+9985x400")
    fires(tmp_path, BOTH, series, {"6h": {AVAILABILITY: burnt("availability", "3d"), LATENCY: []}})


def test_slow_answers_burn_the_budget_of_latency(tmp_path: Path) -> None:
    """A fifth of the answers takes too long: that is told of latency alone."""
    series = traffic("0+10x120", "0x120", slow="0+8x120")
    fires(tmp_path, BOTH, series, {"60m": {LATENCY: burnt("latency", "1h", "6h", "3d"), AVAILABILITY: []}})


def test_nobody_asking_is_no_failure(tmp_path: Path) -> None:
    """A service that nobody asks for hours has neither failed nor been slow."""
    series = traffic("100x200", "3x200", slow="50x200")
    fires(tmp_path, BOTH, series, {"3h": {AVAILABILITY: [], LATENCY: [], "LooplineServiceDown": []}})


def test_what_comes_before_failures_is_told(tmp_path: Path) -> None:
    """Nobody answers, nobody scrapes, models are busy all the time, crash, or records are lost: one alert each."""
    series = [
        counters("ready", "1x10 0x10 _x20"),
        counters("model_busy_seconds_total", "0+114x40", arm="main"),
        counters("model_processes", "2x40", arm="main"),
        counters("model_restarts_total", "0x10 0+1x30", arm="main"),
        counters("records_dropped_total", "0x10 0+7x30"),
    ]
    one: list[dict[str, str]] = [{}]
    fires(
        tmp_path, watched(), series,
        {
            "9m": {"LooplineServiceDown": [], "LooplineServiceCrashes": [], "LooplineServiceDropsRecords": []},
            "14m": {"LooplineServiceDown": one, "LooplineServiceAbsent": [], "LooplineServiceDropsRecords": one},
            "20m": {"LooplineServiceCrashes": one, "LooplineServiceSaturated": one},
            "40m": {"LooplineServiceAbsent": one},
        },
        every="1m",
    )  # fmt: skip


def test_another_service_fires_nothing_here(tmp_path: Path) -> None:
    """Rules see the samples of their own project and ref alone."""
    series = [
        {**one, "series": one["series"].replace("flights", "trains")} for one in traffic("0+5x120", "0+5x120")
    ] + traffic("0+5x120", "0x120", slow="0+5x120")
    fires(tmp_path, BOTH, series, {"60m": {AVAILABILITY: [], LATENCY: []}})


def test_windows_are_in_proportion_to_the_objective() -> None:
    """30 days have the windows of the SRE workbook; a week has a quarter of them."""
    assert [span(one) for one in windows(BOTH.service.objectives)] == [
        "5m",
        "30m",
        "1h",
        "6h",
        "3d",
    ]  # 6 h is twice there
    week = watched(availability=0.99, window=timedelta(days=7)).service.objectives
    assert [span(one) for one in windows(week)] == ["1m10s", "7m", "14m", "1h24m", "16h48m"]
    assert recorded("latency", timedelta(minutes=90)) == "project_ref:loopline_service_requests_slow:ratio_rate1h30m"


def test_an_objective_that_cannot_burn_so_fast_has_no_such_alert() -> None:
    """14.4 times 8 % is more than everything: an alert that can never fire is none."""
    one = watched(availability=0.92)
    found = [rule["labels"]["window"] for rule in rules(one)["groups"][0]["rules"] if "alert" in rule]
    assert found == ["6h", "3d"]


def test_yaml_is_what_others_read() -> None:
    """What is written is read as the same by a YAML parser, whatever the texts hold."""
    odd = {
        "a": [{"b": 'x: "y" # z', "c": [1, 2.5, True, None]}, "two\nlines", []],
        "d": {},
        "e": {"f": {"g": "ü – {{ $value }}"}},
    }
    assert pyyaml.safe_load(yaml(odd)) == odd
    assert pyyaml.safe_load(yaml(rules(BOTH))) == rules(BOTH)
