"""Logged models: begun, finished, told of, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loopline.nouns.artifact import MODEL
from tests.faces.mlflow.conftest import Tracker

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def logged(tracker: Tracker, **more: Any) -> dict[str, Any]:
    """Log a model, and give what is told of it."""
    return tracker.post("logged-models", experiment_id="0", **more)["model"]  # type: ignore[no-any-return]


def finish(tracker: Tracker, model: str, status: str | int = "LOGGED_MODEL_READY") -> dict[str, Any]:
    """Finish a model."""
    return tracker.say("PATCH", f"logged-models/{model}", {"model_id": model, "status": status})["model"]  # type: ignore[no-any-return]


def test_a_model_is_told_as_it_was_logged(tracker: Tracker) -> None:
    """With an id of its own, an address for its files, params and tags."""
    run = tracker.run()
    params, tags = [{"key": "depth", "value": "3"}], [{"key": "team", "value": "ops"}]
    made = logged(tracker, name="clf", model_type="agent", source_run_id=run, params=params, tags=tags)
    info = made["info"]
    name = info["model_id"]
    assert (name[:2], len(name)) == ("m-", 34)
    assert info | {"creation_timestamp_ms": 0, "last_updated_timestamp_ms": 0} == {
        "model_id": name, "experiment_id": "0", "name": "clf", "creation_timestamp_ms": 0, "last_updated_timestamp_ms": 0,
        "artifact_uri": f"mlflow-artifacts:/0/models/{name}/artifacts", "status": "LOGGED_MODEL_PENDING", "model_type": "agent",
        "source_run_id": run, "status_message": "", "tags": tags, "registrations": [],
    }  # fmt: skip
    assert made["data"] == {"params": params, "metrics": []}
    assert tracker.get(f"logged-models/{name}")["model"] == made
    assert logged(tracker)["info"]["name"]


def test_a_finished_model_is_sealed(tracker: Tracker) -> None:
    """Its files are an artifact and an output of its run; a later write below its path is refused, with the reason."""
    run = tracker.run()
    name = logged(tracker, name="clf", source_run_id=run)["info"]["model_id"]
    tracker.say("PUT", f"{ROOT}/0/models/{name}/artifacts/MLmodel", b"flavors: {}")
    assert finish(tracker, name)["info"]["status"] == "LOGGED_MODEL_READY"
    with tracker.served.loop.ledger.read() as tx:
        digest = tx.logged.get("flights", name).digest
        assert [(one.name, one.digest, one.media_type) for one in tx.runs.get(run).outputs] == [("clf", digest, MODEL)]
    for method, path in (("PUT", "MLmodel"), ("PUT", "more/x"), ("DELETE", "MLmodel"), ("DELETE", "")):
        status, code, message = tracker.refused(
            method,
            f"{ROOT}/0/models/{name}/artifacts/{path}".rstrip("/") if path else f"{ROOT}/0/models/{name}/artifacts/",
            b"x",
        )
        assert (status, code, "sealed" in message) == (409, "RESOURCE_CONFLICT", True)
    assert tracker.ask("GET", f"{ROOT}/0/models/{name}/artifacts/MLmodel").content == b"flavors: {}"
    assert tracker.say("GET", f"logged-models/{name}/artifacts/directories") == {
        "root_uri": f"mlflow-artifacts:/0/models/{name}/artifacts",
        "files": [{"path": "MLmodel", "is_dir": False, "file_size": 11}],
    }
    assert finish(tracker, name, 2)["info"]["status"] == "LOGGED_MODEL_READY"
    assert tracker.refused("PATCH", f"logged-models/{name}", {"status": "LOGGED_MODEL_PENDING"})[:2] == (
        409,
        "RESOURCE_CONFLICT",
    )


def test_a_model_that_failed_says_so(tracker: Tracker) -> None:
    """And what no status is, is refused."""
    name = logged(tracker)["info"]["model_id"]
    assert finish(tracker, name, "LOGGED_MODEL_UPLOAD_FAILED")["info"]["status"] == "LOGGED_MODEL_UPLOAD_FAILED"
    for wrong in ("DONE", 9, "LOGGED_MODEL_STATUS_UNSPECIFIED"):
        assert tracker.refused("PATCH", f"logged-models/{name}", {"status": wrong})[:2] == (
            400,
            "INVALID_PARAMETER_VALUE",
        )
    assert tracker.refused("PATCH", f"logged-models/{name}", {})[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_tags_and_params_are_added(tracker: Tracker) -> None:
    """Tags come and go; a param is written once."""
    name = logged(tracker)["info"]["model_id"]
    tracker.say(
        "PATCH", f"logged-models/{name}/tags", {"tags": [{"key": "a/b c", "value": "1"}, {"key": "d", "value": "2"}]}
    )
    tracker.say("DELETE", f"logged-models/{name}/tags/a%2Fb%20c")
    assert tracker.refused("DELETE", f"logged-models/{name}/tags/none")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    tracker.post(f"logged-models/{name}/params", params=[{"key": "x", "value": "1"}])
    tracker.post(f"logged-models/{name}/params", params=[{"key": "x", "value": "1"}])
    assert tracker.refused("POST", f"logged-models/{name}/params", {"params": [{"key": "x", "value": "2"}]})[0] == 400
    found = tracker.get(f"logged-models/{name}")["model"]
    assert found["info"]["tags"] == [{"key": "d", "value": "2"}]
    assert found["data"]["params"] == [{"key": "x", "value": "1"}]


def test_a_metric_that_names_a_model_is_kept_with_it(tracker: Tracker) -> None:
    """Beside the series of the run, with the data that it names; of no such model nothing is kept."""
    run = tracker.run()
    name = logged(tracker, source_run_id=run)["info"]["model_id"]
    tracker.post("runs/log-metric", run_id=run, key="acc", value=0.5, timestamp=7, step=3, model_id=name)
    data = {"dataset_name": "july", "dataset_digest": "d1"}
    metrics = [
        {"key": "loss", "value": "NaN", "timestamp": 8, "step": 0, "model_id": name, **data},
        {"key": "plain", "value": 1.0, "timestamp": 8, "step": 0},
    ]  # fmt: skip
    tracker.post("runs/log-batch", run_id=run, metrics=metrics)
    assert tracker.get(f"logged-models/{name}")["model"]["data"]["metrics"] == [
        {"key": "acc", "value": 0.5, "timestamp": 7, "step": 3, "model_id": name, "run_id": run},
        {"key": "loss", "value": "NaN", "timestamp": 8, "step": 0, "model_id": name, "run_id": run, **data},
    ]  # fmt: skip
    assert set(tracker.data(run)["metrics"]) == {"acc", "loss", "plain"}
    none = "m-" + "0" * 32
    for body in (
        ("runs/log-metric", {"run_id": run, "key": "new", "value": 1, "timestamp": 1, "model_id": none}),
        ("runs/log-batch", {"run_id": run, "metrics": [{"key": "new", "value": 1, "timestamp": 1, "model_id": none}]}),
    ):
        assert tracker.refused("POST", *body)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "new" not in tracker.data(run)["metrics"]


def test_what_a_run_has_made_is_told_with_it(tracker: Tracker) -> None:
    """With its steps; of no such model nothing is kept."""
    run = tracker.run()
    name = logged(tracker)["info"]["model_id"]
    tracker.post("runs/outputs", run_id=run, models=[{"model_id": name, "step": 4}])
    tracker.post("runs/outputs", run_id=run, models=[])
    said = tracker.get("runs/get", run_id=run)["run"]["outputs"]
    assert said == {"model_outputs": [{"model_id": name, "step": 4}]}
    assert (
        tracker.refused("POST", "runs/outputs", {"run_id": run, "models": [{"model_id": "m-none", "step": 0}]})[0]
        == 404
    )


def test_a_deleted_model_is_not_found_unless_asked_for(tracker: Tracker) -> None:
    """Deleting again is no error; a model that never was is one."""
    name = logged(tracker)["info"]["model_id"]
    tracker.say("DELETE", f"logged-models/{name}")
    tracker.say("DELETE", f"logged-models/{name}")
    assert tracker.refused("GET", f"logged-models/{name}")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert tracker.get(f"logged-models/{name}", allow_deleted="true")["model"]["info"]["model_id"] == name
    assert tracker.refused("PUT", f"{ROOT}/0/models/{name}/artifacts/x", b"x")[0] == 400
    assert tracker.refused("DELETE", "logged-models/m-none")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"experiment_id": "99"}, 404), ({"experiment_id": "0", "name": "a/b"}, 400),
        ({"experiment_id": "0", "name": " "}, 400), ({"experiment_id": "0", "name": "x" * 501}, 400),
        ({"experiment_id": "0", "source_run_id": "0" * 32}, 404),
        ({"experiment_id": "0", "params": [{"key": "", "value": "1"}]}, 400),
        ({"experiment_id": "0", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, 400),
        ({"experiment_id": "0", "params": [{"key": str(n), "value": "1"} for n in range(101)]}, 400),
        ({"experiment_id": "0", "tags": [{"key": "a", "value": "x" * 8001}]}, 400),
        ({"experiment_id": "0", "tags": "a"}, 400), ([], 400),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(tracker: Tracker, body: Any, status: int) -> None:
    """With a client's own fault, and nothing written."""
    assert tracker.refused("POST", "logged-models", body)[0] == status


def test_nothing_is_logged_to_a_deleted_experiment(tracker: Tracker) -> None:
    """Its models go with it, and come back."""
    group = tracker.experiment()
    name = tracker.post("logged-models", experiment_id=group)["model"]["info"]["model_id"]
    tracker.post("experiments/delete", experiment_id=group)
    assert tracker.refused("POST", "logged-models", {"experiment_id": group})[0] == 400
    assert tracker.refused("GET", f"logged-models/{name}")[0] == 404
    tracker.post("experiments/restore", experiment_id=group)
    assert tracker.get(f"logged-models/{name}")["model"]["info"]["model_id"] == name


def test_old_clients_note_their_models_in_a_tag(tracker: Tracker) -> None:
    """One after the other; what lacks a field, or is no JSON, is refused."""
    run = tracker.run()
    said = {"artifact_path": "model", "flavors": {}, "utc_time_created": "now", "run_id": run}
    for _ in range(2):
        tracker.post("runs/log-model", run_id=run, model_json=json.dumps(said))
    assert json.loads(tracker.data(run)["tags"]["mlflow.log-model.history"]) == [said, said]
    for wrong in ("{}", "[", "[]", "1", json.dumps(said | {"more": "x" * 9000})):
        assert tracker.refused("POST", "runs/log-model", {"run_id": run, "model_json": wrong})[0] == 400
