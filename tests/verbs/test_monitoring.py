from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.deployment import Deployment
from loopline.nouns.name import parse_ref
from loopline.verbs.monitoring import monitoring
from tests.faces.prometheus.exposing import promtool

from .served import served


def test_promtool_takes_all_of_it(tmp_path: Path) -> None:
    """The files together are a configuration that Prometheus starts with, and the target is where the host says."""
    loop, ref, _ = served(tmp_path)
    with loop.ledger.telemetry() as tx:
        tx.deployments.say("flights", Deployment(str(ref), None, state="ready", url="http://127.0.0.1:4100"))
    found = monitoring(loop, ref)
    for name, text in found.items():
        (tmp_path / name).write_text(text)
    assert set(found) == {
        "prometheus.yml", "delay@prod.targets.json", "delay@prod.rules.yml", "delay@prod.dashboard.json",
    }  # fmt: skip
    assert "1 rule files found" in promtool("check", "config", "prometheus.yml", folder=tmp_path)
    assert json.loads(found["delay@prod.targets.json"]) == [{"targets": ["127.0.0.1:4100"]}]
    assert json.loads(found["delay@prod.dashboard.json"])["title"] == "service/delay@prod (flights)"


def test_a_service_that_nobody_serves_has_no_target(tmp_path: Path) -> None:
    """Rules and dashboard are there before a host is."""
    loop, ref, _ = served(tmp_path)
    assert json.loads(monitoring(loop, ref)["delay@prod.targets.json"]) == [{"targets": []}]


def test_only_what_is_deployed_is_watched(tmp_path: Path) -> None:
    """A ref that is not there is not found, and a model is no service."""
    loop, _, _ = served(tmp_path)
    with pytest.raises(NotFound):
        monitoring(loop, parse_ref("service/delay@canary", project="flights"))
    with pytest.raises(Invalid) as caught:
        monitoring(loop, parse_ref("model/delay@champion", project="flights"))
    assert caught.value.kind == "not-a-service"
