"""Points as clients log them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faces.mlflow.registered import logged

if TYPE_CHECKING:
    from .conftest import Tracker


def run_of(tracker: Tracker) -> str:
    """Begin a run."""
    made = tracker.ask("POST", "runs/create", {"experiment_id": "0"}).json()
    return str(made["run"]["info"]["run_id"])


def points(tracker: Tracker, run: str, key: str = "loss") -> list[Any]:
    """Give what a series holds: value, time and step."""
    told = tracker.ask("GET", "metrics/get-history", {"run_id": run, "metric_key": key}).json()["metrics"]
    return [(one["value"], one["timestamp"], one["step"]) for one in told]


def test_a_point_that_is_sent_again_is_kept_once(tracker: Tracker) -> None:
    """A client that tries again after a lost answer does no harm; another value is another point."""
    run = run_of(tracker)
    for value in (0.5, 0.5, "NaN", "NaN", 0.25):
        body = {"run_id": run, "key": "loss", "value": value, "timestamp": 7, "step": 1}
        assert tracker.ask("POST", "runs/log-metric", body).status_code == 200
    assert points(tracker, run) == [(0.5, 7, 1), ("NaN", 7, 1), (0.25, 7, 1)]


def test_a_batch_is_all_or_nothing(tracker: Tracker) -> None:
    """A param that has another value takes points and tags with it."""
    run = run_of(tracker)
    metrics = [{"key": f"m{n % 3}", "value": n, "timestamp": n, "step": n} for n in range(999)]
    body = {"run_id": run, "metrics": metrics, "params": [{"key": "depth", "value": "8"}]}
    assert tracker.ask("POST", "runs/log-batch", body).json() == {}
    assert points(tracker, run, "m2") == [(float(n), n, n) for n in range(2, 999, 3)]
    wrong = {
        "run_id": run,
        "metrics": metrics[:1],
        "params": [{"key": "depth", "value": "9"}],
        "tags": [{"key": "a", "value": "b"}],
    }
    refused = tracker.ask("POST", "runs/log-batch", wrong)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    data = tracker.ask("GET", "runs/get", {"run_id": run}).json()["run"]["data"]
    assert "a" not in {tag["key"] for tag in data["tags"]}


def test_what_a_batch_says_of_models_goes_with_it(tracker: Tracker) -> None:
    """Where a param has another value, or the run is gone, no model has been measured, either."""
    run, name = run_of(tracker), logged(tracker)
    tracker.post("runs/log-parameter", run_id=run, key="depth", value="8")
    point = {"key": "loss", "value": 1, "timestamp": 1, "model_id": name}
    wrong = {"run_id": run, "metrics": [point], "params": [{"key": "depth", "value": "9"}]}
    assert tracker.refused("POST", "runs/log-batch", wrong)[0] == 400
    assert tracker.get(f"logged-models/{name}")["model"]["data"].get("metrics", []) == []
    tracker.post("runs/log-batch", run_id=run, metrics=[point])
    assert [one["key"] for one in tracker.get(f"logged-models/{name}")["model"]["data"]["metrics"]] == ["loss"]
    assert points(tracker, run) == [(1.0, 1, 0)]


def test_a_batch_may_rename_its_run(tracker: Tracker) -> None:
    """The tag that names a run names it, and is no other tag."""
    run = run_of(tracker)
    tags = [{"key": "mlflow.runName", "value": "calm-crane"}, {"key": "team", "value": "red"}]
    tracker.ask("POST", "runs/log-batch", {"run_id": run, "tags": tags})
    found = tracker.ask("GET", "runs/get", {"run_id": run}).json()["run"]
    assert found["info"]["run_name"] == "calm-crane"
    assert tags[1] in found["data"]["tags"]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"value": 1, "timestamp": 1}, "metrics[0].key"),
        ({"key": "a", "timestamp": 1}, "metrics[0].value"),
        ({"key": "a", "value": 1}, "metrics[0].timestamp"),
        ({"key": "../a", "value": 1, "timestamp": 1}, "../a"),
        ({"key": "a", "value": 1, "timestamp": 1, "step": 2**63}, "step"),
        ({"key": "a", "value": 1, "timestamp": 2**60}, "timestamp"),
    ],
)
def test_what_is_wrong_with_a_point_is_told(tracker: Tracker, wrong: dict[str, Any], what: str) -> None:
    """400 names the field, and nothing of the batch is written."""
    run = run_of(tracker)
    good = {"key": "b", "value": 1, "timestamp": 1}
    refused = tracker.ask("POST", "runs/log-batch", {"run_id": run, "metrics": [wrong, good]})
    assert refused.status_code == 400
    assert what in refused.json()["message"]
    assert points(tracker, run, "b") == []


def test_a_run_that_is_not_there_or_was_deleted_takes_no_points(tracker: Tracker) -> None:
    """404 and 400, as clients know them."""
    run = run_of(tracker)
    tracker.ask("POST", "runs/delete", {"run_id": run})
    body = {"key": "loss", "value": 1, "timestamp": 1}
    for name, status in (("f" * 32, 404), (run, 400), ("", 400), ("../x", 400)):
        assert tracker.ask("POST", "runs/log-metric", {"run_id": name, **body}).status_code == status
        batch = {"run_id": name, "metrics": [body]}
        assert tracker.ask("POST", "runs/log-batch", batch).status_code == status
    assert points(tracker, run) == []
