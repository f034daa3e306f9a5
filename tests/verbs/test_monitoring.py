from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import SERVICE
from loopline.nouns.deployment import Deployment
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Numbered, RefName, parse_ref
from loopline.nouns.service import Arm, Service
from loopline.serving.specification import dump_service
from loopline.verbs.monitoring import monitoring
from loopline.verbs.propose import propose
from loopline.verbs.put import put
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
        "prometheus.yml", "flights+delay@prod.targets.json", "flights+delay@prod.rules.yml", "flights+delay@prod.dashboard.json",
    }  # fmt: skip
    assert "1 rule files found" in promtool("check", "config", "prometheus.yml", folder=tmp_path)
    assert json.loads(found["flights+delay@prod.targets.json"]) == [{"targets": ["127.0.0.1:4100"]}]
    assert json.loads(found["flights+delay@prod.dashboard.json"])["title"] == "service/delay@prod (flights)"


def test_a_service_that_nobody_serves_has_no_target(tmp_path: Path) -> None:
    """Rules and dashboard are there before a host is."""
    loop, ref, _ = served(tmp_path)
    assert json.loads(monitoring(loop, ref)["flights+delay@prod.targets.json"]) == [{"targets": []}]


def test_names_are_those_of_files_and_of_one_service(tmp_path: Path) -> None:
    """A slash in a name leads to no other folder, and a service of another project has files of its own."""
    loop, _, _ = served(tmp_path)
    arms, found = (Arm("main", "model/delay@7", Digest("sha256:" + "0" * 64)),), set[str]()
    for project in ("flights", "trains"):
        there = RefName(AssetName(project, "service", "../a/b@c"), "../prod")
        elsewhere = replace(loop, project=project)
        put(
            elsewhere,
            there.asset,
            digest=loop.blobs.put(dump_service(Service(str(there.asset), arms))),
            media_type=SERVICE,
        )
        propose(elsewhere, there, to=Numbered(1), why="first")
        found |= set(monitoring(elsewhere, there))
    assert len(found) == 7
    assert "trains+..%2Fa%2Fb%40c@..%2Fprod.rules.yml" in found


def test_only_what_is_deployed_is_watched(tmp_path: Path) -> None:
    """A ref that is not there is not found, and a model is no service."""
    loop, _, _ = served(tmp_path)
    with pytest.raises(NotFound):
        monitoring(loop, parse_ref("service/delay@canary", project="flights"))
    with pytest.raises(Invalid) as caught:
        monitoring(loop, parse_ref("model/delay@champion", project="flights"))
    assert caught.value.kind == "not-a-service"
