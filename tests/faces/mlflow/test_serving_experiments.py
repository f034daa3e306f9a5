"""Experiments as clients of MLflow make, find, tag and delete them."""

from __future__ import annotations

import pytest

from .conftest import Tracker


def test_an_experiment_is_made_found_and_renamed(tracker: Tracker) -> None:
    """By number and by name, with its tags; under its new name it keeps its number."""
    number = tracker.post("experiments/create", name="delays", tags=[{"key": "team", "value": "ops"}])["experiment_id"]
    found = tracker.get("experiments/get-by-name", experiment_name="delays")["experiment"]
    assert found == tracker.get("experiments/get", experiment_id=number)["experiment"]
    assert (found["name"], found["lifecycle_stage"]) == ("delays", "active")
    assert found["tags"] == [{"key": "team", "value": "ops"}]
    assert found["artifact_location"] == f"mlflow-artifacts:/{number}"
    assert isinstance(found["creation_time"], int)
    tracker.post("experiments/update", experiment_id=number, new_name="late")
    assert tracker.get("experiments/get", experiment_id=number)["experiment"]["name"] == "late"
    assert tracker.refused("GET", "experiments/get-by-name", {"experiment_name": "delays"})[:2] == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )


def test_the_default_experiment_is_always_there(tracker: Tracker) -> None:
    """Under the number 0, before anything was logged and afterwards; runs that name no experiment are in it."""
    before = tracker.get("experiments/get", experiment_id="0")["experiment"]
    assert before["name"] == "Default"
    run = tracker.post("runs/create", start_time=1)["run"]["info"]
    assert run["experiment_id"] == "0"
    assert tracker.get("experiments/get-by-name", experiment_name="Default")["experiment"]["experiment_id"] == "0"
    assert tracker.refused("POST", "experiments/update", {"experiment_id": "0", "new_name": "x"})[0] == 400


@pytest.mark.parametrize("name", ["Default", "default"])
@pytest.mark.parametrize("runs", [0, 1])
def test_the_name_of_the_default_experiment_is_taken(tracker: Tracker, name: str, runs: int) -> None:
    """Before anything was logged, too: an experiment that was renamed so would be found under that name by nobody."""
    other = tracker.experiment()
    for _ in range(runs):
        tracker.run()
    answer = tracker.refused("POST", "experiments/update", {"experiment_id": other, "new_name": name})
    assert answer[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert tracker.get("experiments/get", experiment_id=other)["experiment"]["name"] == "delays"


def test_a_name_is_taken_once(tracker: Tracker) -> None:
    """Also by an experiment that was deleted, and the answer says so."""
    number = tracker.experiment()
    assert tracker.refused("POST", "experiments/create", {"name": "delays"})[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    tracker.post("experiments/delete", experiment_id=number)
    status, code, message = tracker.refused("POST", "experiments/create", {"name": "delays"})
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "deleted" in message
    other = tracker.experiment("other")
    assert tracker.refused("POST", "experiments/update", {"experiment_id": other, "new_name": "delays"})[1] == (
        "RESOURCE_ALREADY_EXISTS"
    )


def test_runs_go_with_their_experiment_and_come_back_with_it(tracker: Tracker) -> None:
    """Those that were deleted before stay deleted; meanwhile nothing is logged to any of them."""
    number = tracker.experiment()
    kept, gone = tracker.run(number), tracker.run(number)
    tracker.post("runs/delete", run_id=gone)
    tracker.post("experiments/delete", experiment_id=number)
    assert tracker.get("experiments/get", experiment_id=number)["experiment"]["lifecycle_stage"] == "deleted"
    assert tracker.refused("POST", "runs/create", {"experiment_id": number})[0] == 400
    assert tracker.refused("POST", "runs/set-tag", {"run_id": kept, "key": "a", "value": "b"})[0] == 400
    assert tracker.refused("POST", "experiments/set-experiment-tag", {"experiment_id": number, "key": "a"})[0] == 400
    tracker.post("experiments/restore", experiment_id=number)
    stages = {run: tracker.get("runs/get", run_id=run)["run"]["info"]["lifecycle_stage"] for run in (kept, gone)}
    assert stages == {kept: "active", gone: "deleted"}
    assert tracker.refused("POST", "experiments/restore", {"experiment_id": number})[0] == 400


def test_tags_are_set_and_taken_away(tracker: Tracker) -> None:
    """A tag that is not there cannot be taken away."""
    number = tracker.experiment()
    tracker.post("experiments/set-experiment-tag", experiment_id=number, key="a", value="1")
    tracker.post("experiments/set-experiment-tag", experiment_id=number, key="a", value="2")
    assert tracker.get("experiments/get", experiment_id=number)["experiment"]["tags"] == [{"key": "a", "value": "2"}]
    tracker.post("experiments/delete-experiment-tag", experiment_id=number, key="a")
    assert tracker.get("experiments/get", experiment_id=number)["experiment"]["tags"] == []
    assert tracker.refused("POST", "experiments/delete-experiment-tag", {"experiment_id": number, "key": "a"})[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("experiments/create", {}, "Missing value for required parameter 'name'"),
        ("experiments/create", {"name": " "}, "Missing value for required parameter 'name'"),
        ("experiments/create", {"name": 123}, "Invalid value 123 for parameter 'name'"),
        ("experiments/create", {"name": "x" * 501}, "500"),
        ("experiments/create", {"name": "x", "artifact_location": "file:/tmp/x"}, "artifact_location"),
        ("experiments/create", {"name": "x", "artifact_location": "s3://bucket/x"}, "artifact_location"),
        ("experiments/create", {"name": "x", "tags": [{"key": "../x", "value": "1"}]}, "key"),
        ("experiments/create", {"name": "a\0b"}, ""),
        ("experiments/set-experiment-tag", {"experiment_id": "0"}, "Missing value for required parameter 'key'"),
    ],
)
def test_what_is_no_experiment_is_refused(tracker: Tracker, path: str, body: dict[str, object], says: str) -> None:
    """With 400, in the words that clients' users know."""
    status, code, message = tracker.refused("POST", path, body)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert says in message


@pytest.mark.parametrize("said", ["17", "nothing", "-1", "1" * 40])
def test_an_experiment_that_is_not_there_is_not_found(tracker: Tracker, said: str) -> None:
    """Whatever its number looks like."""
    assert tracker.refused("GET", "experiments/get", {"experiment_id": said})[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
