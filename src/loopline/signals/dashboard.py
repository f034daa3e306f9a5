"""dashboard: one deployed service as a dashboard of Grafana (schema 39: Grafana 10 and newer), from its specification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from loopline.signals.rules import Watched, objectives, share, span, target

SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
WIDTH: Final = 24
HEIGHT: Final = 8


class Panel(NamedTuple):
    """One picture."""

    title: str
    queries: Sequence[tuple[str, str]]
    """Expression and legend."""
    unit: str = "short"
    line: float | None = None
    """Where a threshold is drawn."""
    kind: str = "timeseries"


def dashboard(one: Watched) -> dict[str, Any]:
    """Give the dashboard, as Grafana imports it."""
    found = list(_panels(one))
    return {
        "uid": sha256(f"{one.project}/{one.ref}".encode()).hexdigest()[:16],
        "title": f"{one.ref} ({one.project})",
        "tags": ["loopline"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}]
        },
        "panels": [_drawn(panel, number) for number, panel in enumerate(found)],
    }  # fmt: skip


def _panels(one: Watched) -> Iterator[Panel]:
    name, where, rate = "loopline_service", one.where(), "$__rate_interval"
    answers = f"sum by (le) (rate({name}_request_duration_seconds_bucket{where}[{rate}]))"
    busy = f"sum by (arm) (rate({name}_model_busy_seconds_total{where}[{rate}]))"
    yield Panel("Requests", [(f"sum by (status) (rate({name}_requests_total{where}[{rate}]))", "{{status}}")], "reqps")
    yield Panel(
        "Latency of answers",
        [(f"histogram_quantile({q}, {answers})", f"p{q * 100:g}") for q in (0.5, 0.9, 0.99)],
        "s", one.service.objectives.within.total_seconds() if one.service.objectives.latency else None,
    )  # fmt: skip
    for kind in objectives(one.service):
        wanted, budget = one.service.objectives, 1 - target(one.service.objectives, kind)
        what = "Failures" if kind == "availability" else "Slow answers"
        yield Panel(f"{what}, share", [(share(one, kind, rate), "share")], "percentunit", budget)
        left = f"1 - ({share(one, kind, span(wanted.window))}) / {budget:.6g}"
        yield Panel(
            f"Budget of {kind} that is left of {span(wanted.window)}", [(left, "left")], "percentunit", kind="stat"
        )
    yield Panel("Predictions", [(f"sum by (arm) (rate({name}_predictions_total{where}[{rate}]))", "{{arm}}")], "rowsps")
    yield Panel(
        "Saturation",
        [(f"{busy} / sum by (arm) ({name}_model_processes{where})", "{{arm}}")],
        "percentunit", 0.9,
    )  # fmt: skip
    yield Panel("Rows that wait", [(f"sum by (arm) ({name}_queue_rows{where})", "{{arm}}")])
    yield Panel(
        "Model processes",
        [
            (f"sum by (arm) ({name}_model_processes{where})", "{{arm}}"),
            (f"sum by (arm) (increase({name}_model_restarts_total{where}[{rate}]))", "{{arm}} lost"),
        ],
    )
    yield Panel("Records dropped", [(f"increase({name}_records_dropped_total{where}[{rate}])", "dropped")])
    yield Panel("What is served", [(f"{name}_info{where}", "version {{number}} since change {{change}}")], kind="stat")


def _drawn(panel: Panel, number: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.line is not None:
        steps.append({"color": "red", "value": panel.line})
    custom = (
        {"custom": {"thresholdsStyle": {"mode": "line"}}} if panel.line is not None and panel.kind != "stat" else {}
    )
    names = {"textMode": "name"} if "{{" in panel.queries[0][1] else {}
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {
            "x": number % 2 * (WIDTH // 2), "y": number // 2 * HEIGHT, "w": WIDTH // 2, "h": HEIGHT,
        },
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}, **custom},
            "overrides": [],
        },
        "options": names if panel.kind == "stat" else {},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for i, (expr, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip
