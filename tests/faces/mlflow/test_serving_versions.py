"""Versions of registered models: told, tagged, moved through stages, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.nouns.change import ChangeState
from tests.faces.mlflow.registered import aliases, guard, logged, model, stages, version

if TYPE_CHECKING:
    from tests.faces.mlflow.conftest import Tracker

ONE = {"name": "delay", "version": "1"}


def move(tracker: Tracker, number: str, stage: str, **more: Any) -> dict[str, Any]:
    """Move a version to a stage, and give it."""
    said = tracker.post("model-versions/transition-stage", name="delay", version=number, stage=stage, **more)
    found: dict[str, Any] = said["model_version"]
    return found


def test_a_version_is_told_whole(tracker: Tracker) -> None:
    """With what it came from, its run, its model, who made it, and what is said of it."""
    model(tracker)
    run = tracker.run()
    source = f"models:/{logged(tracker, run=run)}"
    made = version(
        tracker,
        source,
        description="first",
        run_link="http://x/1",
        tags=[{"key": "a", "value": "b"}],
        model_id=source[8:],
    )
    assert tracker.get("model-versions/get", **ONE) == {"model_version": made}
    assert {name: value for name, value in made.items() if "timestamp" not in name} == {
        "name": "delay", "version": "1", "user_id": str(tracker.served.loop.actor), "current_stage": "None", "source": source,
        "status": "READY", "tags": [{"key": "a", "value": "b"}], "aliases": [], "description": "first", "run_id": run,
        "run_link": "http://x/1", "model_id": source[8:],
    }  # fmt: skip
    assert made["creation_timestamp"] == made["last_updated_timestamp"] > 0


def test_what_is_not_there_is_404_in_known_words(tracker: Tracker) -> None:
    """A model that is not there is told before a version that is not, and no number is 400."""
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("GET", "get", {}), ("PATCH", "update", {}), ("DELETE", "delete", {}), ("GET", "get-download-uri", {}),
        ("POST", "set-tag", {"key": "a"}), ("DELETE", "delete-tag", {"key": "a"}),
        ("POST", "transition-stage", {"stage": "None"}),
    )  # fmt: skip
    for method, path, more in calls:
        said = tracker.refused(method, f"model-versions/{path}", {**ONE, **more})
        assert said == (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=delay not found"), path
    model(tracker)
    for method, path, more in calls:
        said = tracker.refused(method, f"model-versions/{path}", {**ONE, **more})
        assert said == (404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name=delay, version=1) not found"), path
        for number in ("x", "1.0", "-1", "9" * 30, "\N{ARABIC-INDIC DIGIT ONE}"):
            said = tracker.refused(method, f"model-versions/{path}", {**ONE, **more, "version": number})
            assert said[:2] == (400, "INVALID_PARAMETER_VALUE"), (path, number)


def test_a_version_is_described_and_tagged(tracker: Tracker) -> None:
    """What it is made of stays; losing a tag that is not there is no error."""
    model(tracker, versions=1)
    before = tracker.get("model-versions/get", **ONE)["model_version"]
    told = tracker.say("PATCH", "model-versions/update", {**ONE, "description": "text"})["model_version"]
    assert told["description"] == "text"
    assert told["last_updated_timestamp"] >= before["last_updated_timestamp"]
    tracker.post("model-versions/set-tag", **ONE, key="a", value="1")
    assert tracker.get("model-versions/get", **ONE)["model_version"]["tags"] == [{"key": "a", "value": "1"}]
    for _ in range(2):
        tracker.say("DELETE", "model-versions/delete-tag", {**ONE, "key": "a"})
    assert tracker.get("model-versions/get", **ONE)["model_version"]["tags"] == []
    for key in ("mlflow.stage", "mlflow.prompt.text", "", "x" * 251):
        assert tracker.refused("POST", "model-versions/set-tag", {**ONE, "key": key, "value": "x"})[0] == 400, key


def test_one_version_is_in_a_stage_at_a_time(tracker: Tracker) -> None:
    """A stage is a ref: what was there before is in none, or archived where that is asked for."""
    model(tracker, versions=3)
    assert move(tracker, "1", "staging")["current_stage"] == "Staging"
    assert move(tracker, "1", "Production")["current_stage"] == "Production"
    assert (stages(tracker), aliases(tracker)) == ({"1": "Production", "2": "None", "3": "None"}, {"production": "1"})
    move(tracker, "2", "production")
    assert stages(tracker) == {"1": "None", "2": "Production", "3": "None"}
    move(tracker, "3", "Production", archive_existing_versions=True)
    assert stages(tracker) == {"1": "None", "2": "Archived", "3": "Production"}
    move(tracker, "2", "Staging")
    move(tracker, "3", "Archived")
    move(tracker, "3", "Archived")
    assert (stages(tracker), aliases(tracker)) == ({"1": "None", "2": "Staging", "3": "Archived"}, {"staging": "2"})
    move(tracker, "3", "None")
    move(tracker, "2", "None")
    assert (set(stages(tracker).values()), aliases(tracker)) == ({"None"}, {})
    for stage, archive in (("x", False), ("Deleted_Internal", False), ("Archived", True), ("None", True)):
        body = {**ONE, "stage": stage, "archive_existing_versions": archive}
        assert tracker.refused("POST", "model-versions/transition-stage", body)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_a_guarded_stage_waits_for_its_policy(tracker: Tracker) -> None:
    """Nothing moves and nothing is archived until it may; one change brings a version out of one stage into another."""
    model(tracker, versions=2)
    move(tracker, "1", "Production")
    move(tracker, "2", "Staging")
    guard(tracker, "model/*@production")
    body = {"name": "delay", "version": "2", "stage": "Production", "archive_existing_versions": True}
    status, code, message = tracker.refused("POST", "model-versions/transition-stage", body)
    assert (status, code) == (403, "PERMISSION_DENIED")
    assert "production 1 → 2" in message
    assert stages(tracker) == {"1": "Production", "2": "Staging"}
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        (waiting,) = tx.changes.list(loop.project, open_only=True)
    assert (waiting.state, len(waiting.moves)) == (ChangeState.PROPOSED, 2)
    guard(tracker)
    assert move(tracker, "2", "Production", archive_existing_versions=True)["current_stage"] == "Production"
    assert stages(tracker) == {"1": "Archived", "2": "Production"}


def test_a_deleted_version_is_gone_with_its_aliases(tracker: Tracker) -> None:
    """Its number is not given again, and its files are found no more."""
    model(tracker, versions=2)
    tracker.post("registered-models/alias", name="delay", alias="prod", version="2")
    address = tracker.get("model-versions/get-download-uri", name="delay", version="2")["artifact_uri"]
    tracker.say("DELETE", "model-versions/delete", {"name": "delay", "version": "2"})
    assert (stages(tracker), aliases(tracker)) == ({"1": "None"}, {})
    root = "/api/2.0/mlflow-artifacts/artifacts"
    assert tracker.refused("GET", root, {"path": address.removeprefix("mlflow-artifacts:/")})[0] == 404
    assert version(tracker, f"models:/{logged(tracker)}")["version"] == "3"


@pytest.mark.parametrize("version_said", [1, True, ["1"], {"a": 1}])
def test_a_version_is_a_text(tracker: Tracker, version_said: object) -> None:
    """What is none is 400, and names the field."""
    model(tracker, versions=1)
    status, _, message = tracker.refused("PATCH", "model-versions/update", {"name": "delay", "version": version_said})
    assert status == 400
    assert "'version'" in message
