"""What runs have read, as clients of MLflow tell it and are told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loopline.nouns.artifact import DATASET
from loopline.nouns.run import Link
from loopline.verbs.impact import impact
from loopline.verbs.log import log
from loopline.verbs.why import why

from .conftest import Tracker

JAN = {
    "name": "jan",
    "digest": "d1",
    "source_type": "local",
    "source": '{"uri": "/x/jan.csv"}',
    "schema": "s",
    "profile": "p",
}


def _input(context: str | None = "training", **more: str) -> dict[str, Any]:
    tags = [] if context is None else [{"key": "mlflow.data.context", "value": context}]
    return {"tags": tags, "dataset": {**JAN, **more}}


def _read(tracker: Tracker, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tracker.get("runs/get", run_id=run)["run"]["inputs"].get("dataset_inputs", [])
    return found


def test_data_that_a_run_has_read_is_an_input_of_the_run(tracker: Tracker) -> None:
    """With its description and tags for clients, as a link for `why` and `impact`, and its bytes in the store."""
    run = tracker.run()
    assert tracker.get("runs/get", run_id=run)["run"]["inputs"] == {}
    tracker.post("runs/log-inputs", run_id=run, datasets=[_input(), _input(None, name="feb", digest="d2", schema="")])
    first, second = _read(tracker, run)
    assert first == {"dataset": JAN, "tags": [{"key": "mlflow.data.context", "value": "training"}]}
    assert second["dataset"] == {
        **{key: value for key, value in JAN.items() if key != "schema"},
        "name": "feb",
        "digest": "d2",
    }
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        links = tx.runs.get(run).inputs
    assert [(link.name, link.media_type) for link in links] == [("jan", DATASET), ("feb", DATASET)]
    assert json.loads(loop.blobs.read(links[0].digest))["source"] == JAN["source"]
    assert "jan" in str(why(loop, run))
    log(loop, run, outputs=(Link("model", loop.blobs.put(b"model")),))
    assert [one.via for one in impact(loop, links[0].digest).reached] == [run]
    found = tracker.post("runs/search", experiment_ids=["0"], filter="datasets.name = 'jan'")["runs"]
    assert found[0]["inputs"]["dataset_inputs"] == [first, second]


def test_the_same_data_are_read_once(tracker: Tracker) -> None:
    """By name and digest, as told first; another run reads the same bytes."""
    run, other = tracker.run(), tracker.run()
    for context in ("training", "eval"):
        tracker.post("runs/log-inputs", run_id=run, datasets=[_input(context), _input(context)])
    tracker.post("runs/log-inputs", run_id=other, datasets=[_input("eval")])
    assert [one["tags"][0]["value"] for one in _read(tracker, run)] == ["training"]
    assert [one["tags"][0]["value"] for one in _read(tracker, other)] == ["eval"]
    with tracker.served.loop.ledger.read() as tx:
        assert len({link.digest for id_ in (run, other) for link in tx.runs.get(id_).inputs}) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("datasets.name = 'jan'", [0, 1]),
        ("datasets.name LIKE 'J%'", []),
        ("dataset.digest IN ('d2', 'd3')", [1]),
        ("datasets.context = 'training'", [0]),
        ("datasets.context ILIKE 'EV%' AND datasets.name = 'jan'", [1]),
        ("datasets.name != 'jan'", [1]),
    ],
)
def test_runs_are_found_by_what_they_have_read(tracker: Tracker, text: str, found: list[int]) -> None:
    """By name, digest and context."""
    runs = [tracker.run(), tracker.run(), tracker.run()]
    tracker.post("runs/log-inputs", run_id=runs[0], datasets=[_input()])
    tracker.post("runs/log-inputs", run_id=runs[1], datasets=[_input("eval"), _input("eval", name="feb", digest="d2")])
    answer = tracker.post("runs/search", experiment_ids=["0"], filter=text)["runs"]
    assert sorted(runs.index(one["info"]["run_id"]) for one in answer) == found


def test_the_data_of_experiments_are_listed(tracker: Tracker) -> None:
    """Each with each context once, those without one, too."""
    mine, other = tracker.experiment("mine"), tracker.experiment("other")
    for _ in range(2):
        run = tracker.run(mine)
        tracker.post("runs/log-inputs", run_id=run, datasets=[_input(), _input(None, name="feb")])
    tracker.post("runs/log-inputs", run_id=tracker.run(other), datasets=[_input("eval")])
    told = tracker.post("experiments/search-datasets", experiment_ids=[mine])["dataset_summaries"]
    assert sorted(told, key=lambda one: one["name"]) == [
        {"experiment_id": mine, "name": "feb", "digest": "d1"},
        {"experiment_id": mine, "name": "jan", "digest": "d1", "context": "training"},
    ]
    both = tracker.post("experiments/search-datasets", experiment_ids=[mine, other])["dataset_summaries"]
    assert [one.get("context") for one in both if one["experiment_id"] == other] == ["eval"]
    assert tracker.refused("POST", "experiments/search-datasets", {})[0] == 400
    assert (
        "20 experiment_ids" in tracker.refused("POST", "experiments/search-datasets", {"experiment_ids": ["1"] * 21})[2]
    )


def test_a_model_that_a_run_has_read_is_told(tracker: Tracker) -> None:
    """Each once; it is a link as soon as it is sealed, whichever comes first."""
    group = tracker.experiment()
    run = tracker.run(group)
    model = tracker.post("logged-models", experiment_id=group, name="delay")["model"]["info"]["model_id"]
    for _ in range(2):
        tracker.post("runs/log-inputs", run_id=run, models=[{"model_id": model}])
    assert tracker.get("runs/get", run_id=run)["run"]["inputs"] == {"model_inputs": [{"model_id": model}]}
    place = f"/api/2.0/mlflow-artifacts/artifacts/{group}/models/{model}/artifacts/MLmodel"
    tracker.say("PUT", place, b"flavors: {}\n")
    tracker.say("PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})
    later = tracker.run(group)
    tracker.post("runs/log-inputs", run_id=later, models=[{"model_id": model}])
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        digest = tx.logged.get(loop.project, model).digest
        for reader in (run, later):
            assert [(link.name, link.digest) for link in tx.runs.get(reader).inputs] == [("delay", digest)]


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ([{"tags": []}], "must have a dataset"),
        ([{"dataset": {"name": "a"}}], "Dataset digest cannot be None"),
        ([_input(name="a" * 501)], "'name' exceeds the maximum length of 500"),
        ([_input(digest="a" * 37)], "'digest' exceeds the maximum length of 36"),
        ([{"tags": [{"key": "k"}], "dataset": JAN}], "InputTag value cannot be None"),
        ([{"tags": [{"key": "k" * 256, "value": ""}], "dataset": JAN}], "'key' exceeds the maximum length of 255"),
        ([_input()] * 1001, "at most 1000 datasets"),
        ("jan", "Invalid value"),
    ],
)
def test_what_is_no_dataset_is_refused(tracker: Tracker, datasets: Any, message: str) -> None:
    """And nothing of the request is kept."""
    run = tracker.run()
    status, code, told = tracker.refused("POST", "runs/log-inputs", {"run_id": run, "datasets": datasets})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told
    assert _read(tracker, run) == []


def test_only_a_run_that_is_there_reads(tracker: Tracker) -> None:
    """Nor does one that was deleted, nor a model that is not there."""
    run = tracker.run()
    assert tracker.refused("POST", "runs/log-inputs", {"datasets": [_input()]})[0] == 400
    assert tracker.refused("POST", "runs/log-inputs", {"run_id": "f" * 32, "datasets": [_input()]})[0] == 404
    said = {"run_id": run, "datasets": [_input()], "models": [{"model_id": f"m-{'0' * 32}"}]}
    status, code, _ = tracker.refused("POST", "runs/log-inputs", said)
    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert _read(tracker, run) == []
    tracker.post("runs/delete", run_id=run)
    assert tracker.refused("POST", "runs/log-inputs", {"run_id": run, "datasets": [_input()]})[0] == 400
