from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from loopline.nouns.service import Objectives
from loopline.signals.dashboard import dashboard
from loopline.signals.rules import yaml
from tests.faces.prometheus.exposing import promtool

from .test_rules import BOTH


def expressions(one: dict[str, Any]) -> list[str]:
    """Every expression of a dashboard, for an interval."""
    return [target["expr"].replace("$__rate_interval", "1m") for panel in one["panels"] for target in panel["targets"]]


def test_every_expression_of_a_dashboard_is_one(tmp_path: Path) -> None:
    """Prometheus reads what each panel asks."""
    for number, one in enumerate((BOTH, BOTH._replace(service=replace(BOTH.service, objectives=Objectives())))):
        found = expressions(dashboard(one))
        assert len(found) > 10
        groups = [{"name": "panels", "rules": [{"record": f"p{i}", "expr": expr} for i, expr in enumerate(found)]}]
        (tmp_path / f"{number}.yml").write_text(yaml({"groups": groups}))
        promtool("check", "rules", "--lint-fatal", f"{number}.yml", folder=tmp_path)


def test_panels_lie_beside_each_other(tmp_path: Path) -> None:
    """No panel covers another, ids are unique, the same service is the same dashboard, and another one is another."""
    one = dashboard(BOTH)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in one["panels"]]
    assert len(set(places)) == len(places) == len({panel["id"] for panel in one["panels"]})
    assert json.dumps(one) == json.dumps(dashboard(BOTH))
    assert one["uid"] != dashboard(BOTH._replace(project="trains"))["uid"]


def test_objectives_are_lines(tmp_path: Path) -> None:
    """A panel shows where its objective lies, and how much of the budget is left; without one there is no such panel."""
    titles = {panel["title"]: panel for panel in dashboard(BOTH)["panels"]}
    steps = titles["Latency of answers"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps[1]["value"] == 0.25
    assert "Budget of availability that is left of 30d" in titles
    plain = dashboard(BOTH._replace(service=replace(BOTH.service, objectives=Objectives())))
    assert not [panel["title"] for panel in plain["panels"] if "Budget" in panel["title"]]
