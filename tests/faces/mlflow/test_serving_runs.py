"""Runs as clients of MLflow log them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from .conftest import Tracker


def test_a_run_is_a_run_of_the_ledger(tracker: Tracker) -> None:
    """With its name, parent, commit and times where the rest of Loopline looks for them."""
    outer = tracker.run(run_name="outer")
    inner = tracker.run(
        tags=[
            {"key": "mlflow.parentRunId", "value": outer},
            {"key": "mlflow.source.git.commit", "value": "c0ffee"},
            {"key": "mlflow.runName", "value": "inner"},
        ]
    )
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        found = tx.runs.get(inner)
        assert (found.name, found.parent, found.commit, found.started_at) == ("inner", outer, "c0ffee", 1000)
        assert next(event.kind for event in tx.feed.list(loop.project)) == "run.started"
    tracker.post("runs/update", run_id=inner, status="FINISHED", end_time=5)
    info = tracker.get("runs/get", run_id=inner)["run"]["info"]
    assert (info["status"], info["start_time"], info["end_time"]) == ("FINISHED", 1, 5)
    assert tracker.data(inner)["tags"]["mlflow.parentRunId"] == outer


def test_a_run_that_is_over_can_go_on(tracker: Tracker) -> None:
    """As `start_run(run_id=…)` does; then it ends anew, or says at once that it ended otherwise; none waits to begin any more."""
    run = tracker.run()
    for status in ("FAILED", "RUNNING", "KILLED", "SCHEDULED", "FINISHED", "FAILED"):
        told = tracker.post("runs/update", run_id=run, status=status)["run_info"]["status"]
        assert told == ("RUNNING" if status == "SCHEDULED" else status)
    assert tracker.get("runs/get", run_id=run)["run"]["info"]["status"] == "FAILED"


def test_what_is_logged_is_there(tracker: Tracker) -> None:
    """Params, tags and the last value of each series, also what no number can be."""
    run = tracker.run()
    tracker.post("runs/log-parameter", run_id=run, key="depth", value="8")
    tracker.post("runs/set-tag", run_id=run, key="stage", value="warm")
    for value, step in ((0.5, 1), ("NaN", 2), ("-Infinity", 3)):
        tracker.post("runs/log-metric", run_id=run, key="loss", value=value, timestamp=step, step=step)
    tracker.post(
        "runs/log-batch", run_id=run, metrics=[{"key": "auc", "value": 0.7, "timestamp": "9", "step": "4"}],
        params=[{"key": "seed", "value": "1"}], tags=[{"key": "stage", "value": "hot"}],
    )  # fmt: skip
    data = tracker.data(run)
    assert data["metrics"] == {"auc": 0.7, "loss": "-Infinity"}
    assert data["params"] == {"depth": "8", "seed": "1"}
    assert data["tags"]["stage"] == "hot"
    points = tracker.get("metrics/get-history", run_id=run, metric_key="loss")["metrics"]
    assert [(one["value"], one["timestamp"], one["step"]) for one in points] == [
        (0.5, 1, 1),
        ("NaN", 2, 2),
        ("-Infinity", 3, 3),
    ]
    with tracker.served.loop.ledger.read() as tx:
        assert math.isinf(tx.runs.get(run).metrics["loss"])


def test_a_bare_nan_is_read_as_some_clients_write_it(tracker: Tracker) -> None:
    """Though it is no JSON."""
    run = tracker.run()
    body = f'{{"run_id": "{run}", "key": "x", "value": NaN, "timestamp": 1}}'.encode()
    tracker.say("POST", "runs/log-metric", body, content_type="application/json")
    assert tracker.data(run)["metrics"] == {"x": "NaN"}


def test_a_param_is_written_once(tracker: Tracker) -> None:
    """The same value again does no harm; another one changes nothing of what came with it."""
    run = tracker.run()
    for _ in range(2):
        tracker.post("runs/log-parameter", run_id=run, key="depth", value="8")
    status, code, message = tracker.refused("POST", "runs/log-parameter", {"run_id": run, "key": "depth", "value": "9"})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "depth" in message
    assert "8" in message
    assert "9" in message
    batch = {
        "run_id": run,
        "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "params": [{"key": "depth", "value": "9"}],
    }
    assert tracker.refused("POST", "runs/log-batch", batch)[0] == 400
    assert tracker.data(run)["metrics"] == {}


@pytest.mark.parametrize("tag", ["task", "log", "key", "observed.cpu", "mlflow:x", "loopline.task"])
def test_tags_that_loopline_writes_itself_are_kept_apart(tracker: Tracker, tag: str) -> None:
    """A client's own tag of that name comes back as it was, and is nothing that Loopline takes for a fact."""
    run = tracker.run(tags=[{"key": tag, "value": "mine"}])
    assert tracker.data(run)["tags"][tag] == "mine"
    with tracker.served.loop.ledger.read() as tx:
        assert tag not in tx.runs.get(run).tags
    tracker.post("runs/delete-tag", run_id=run, key=tag)
    assert tag not in tracker.data(run)["tags"]
    assert tracker.refused("POST", "runs/delete-tag", {"run_id": run, "key": tag})[0] == 404


def test_the_tag_that_names_a_run_renames_it(tracker: Tracker) -> None:
    """By whichever way it comes."""
    run = tracker.run(run_name="first")
    renames: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("second", "set-tag", {"key": "mlflow.runName", "value": "second"}),
        ("third", "update", {"run_name": "third"}),
        ("fourth", "log-batch", {"tags": [{"key": "mlflow.runName", "value": "fourth"}]}),
    )
    for said, path, words in renames:
        tracker.post(f"runs/{path}", run_id=run, **words)
        found = tracker.get("runs/get", run_id=run)["run"]
        assert found["info"]["run_name"] == said
        assert tracker.data(run)["tags"]["mlflow.runName"] == said
    clash = {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}
    assert tracker.refused("POST", "runs/create", clash)[0] == 400


def test_a_deleted_run_takes_nothing_and_can_come_back(tracker: Tracker) -> None:
    """Deleting is a mark; twice is once."""
    run = tracker.run()
    for _ in range(2):
        tracker.post("runs/delete", run_id=run)
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("log-metric", {"key": "a", "value": 1, "timestamp": 1}), ("log-parameter", {"key": "a", "value": "1"}),
        ("set-tag", {"key": "a", "value": "1"}), ("delete-tag", {"key": "a"}), ("log-batch", {}),
        ("update", {"status": "FINISHED"}),
    )  # fmt: skip
    for path, more in asked:
        status, _, message = tracker.refused("POST", f"runs/{path}", {"run_id": run, **more})
        assert status == 400
        assert "deleted" in message
    for _ in range(2):
        tracker.post("runs/restore", run_id=run)
    tracker.post("runs/set-tag", run_id=run, key="a", value="1")


def test_a_run_is_not_found_by_a_piece_of_its_id_nor_from_elsewhere(tracker: Tracker) -> None:
    """Clients name runs whole, and those of another project are none."""
    run = tracker.run()
    assert tracker.refused("GET", "runs/get", {"run_id": run[:12]})[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert tracker.refused("GET", "runs/get", {"run_id": run}, x_mlflow_workspace="other")[0] in (403, 404)
    assert tracker.refused("GET", "runs/get", {})[0] == 400
    assert tracker.refused("GET", "runs/get", {"run_id": "../x"})[0] == 400


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("log-metric", {"value": 1, "timestamp": 1}, "Missing value for required parameter 'key'"),
        ("log-metric", {"key": "a", "timestamp": 1}, "Missing value for required parameter 'value'"),
        ("log-metric", {"key": "a", "value": 1}, "Missing value for required parameter 'timestamp'"),
        ("log-metric", {"key": "a", "value": "much", "timestamp": 1}, "value"),
        ("log-metric", {"key": "a", "value": 1, "timestamp": 2**70}, "timestamp"),
        ("log-metric", {"key": "a", "value": 1, "timestamp": 1, "step": 2**70}, "step"),
        ("log-metric", {"key": "a" * 251, "value": 1, "timestamp": 1}, "250"),
        ("log-parameter", {"key": "../a", "value": "1"}, "key"),
        ("log-parameter", {"key": "a", "value": "x" * 6001}, "6000"),
        ("set-tag", {"key": "a", "value": "x" * 8001}, "8000"),
        ("log-batch", {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 1001}, "1000"),
        ("log-batch", {"params": [{"key": f"a{i}", "value": "1"} for i in range(101)]}, "100"),
        ("log-batch", {"tags": [{"key": f"a{i}", "value": "1"} for i in range(101)]}, "100"),
        ("log-batch", {"params": [{"key": "a", "value": "1"}] * 2}, "Duplicate parameter keys"),
        ("update", {"status": "DONE"}, "status"),
        ("update", {"status": "FINISHED", "run_name": "x" * 501}, "500"),
        ("create", {"experiment_id": "0", "run_name": "x" * 501}, "500"),
        ("create", {"experiment_id": "0", "tags": [{"key": "mlflow.runName", "value": "x" * 501}]}, "500"),
        ("set-tag", {"key": "mlflow.runName", "value": "x" * 501}, "500"),
        ("log-batch", {"tags": [{"key": "mlflow.runName", "value": "x" * 501}]}, "500"),
        ("create", {"experiment_id": "0", "user_id": "x" * 8001}, "8000"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_limit(
    tracker: Tracker, path: str, body: dict[str, Any], says: str
) -> None:
    """With 400, so that no client tries it again."""
    run = tracker.run()
    status, code, message = tracker.refused("POST", f"runs/{path}", {"run_id": run, **body})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert says in message
    assert tracker.get("runs/get", run_id=run)["run"]["info"]["status"] == "RUNNING"
