"""Make a tracking store with MLflow's own client, or tell all that one has: mlflow_store.py make|tell URI [ARTIFACTS]."""

import hashlib
import json
import math
import os
import sys
import tempfile
from typing import Any

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import pathlib

import mlflow
import mlflow.data
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import ViewType

THREE = not mlflow.__version__.startswith("2.")


class Same(mlflow.pyfunc.PythonModel):
    """Gives back what it is given."""

    def predict(self, context, model_input, params=None):  # noqa: ANN001, ANN201 (MLflow takes hints for a signature)
        """Give it back."""
        return model_input


def make(client: MlflowClient, artifacts: str) -> None:
    """Log what MLflow's clients log, in all states that there are."""
    where = {"artifact_location": artifacts} if artifacts else {}
    group = client.create_experiment("delays", tags={"team": "ops", "mlflow.note.content": "hello"}, **where)
    gone = client.create_experiment("gone")
    client.log_metric(client.create_run(gone).info.run_id, "a", 1)
    client.delete_experiment(gone)
    with mlflow.start_run(experiment_id=group, run_name="first") as run:
        mlflow.log_params({"depth": 8, "path/x": "a b", "key": "v" * 6000})
        mlflow.set_tags({"key": "mine", "task.id": "7", "empty": ""})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("nan", math.nan)
        mlflow.log_metric("down", -math.inf, step=-3)
        mlflow.log_metric("val/acc", 0.5)
        mlflow.log_text("hello", "notes/a b.txt")
        mlflow.log_input(mlflow.data.from_numpy(np.array([[1.0, 2.0]]), name="train"), context="training")
        with mlflow.start_run(nested=True, experiment_id=group, run_name="child"):
            mlflow.log_param("i", 1)
        if THREE:
            made = mlflow.pyfunc.log_model(name="m", python_model=Same())
            mlflow.log_metric("auc", 0.9, step=2, model_id=made.model_id)
            mlflow.set_logged_model_tags(made.model_id, {"stage": "ok"})
            source = f"models:/{made.model_id}"
        else:
            mlflow.pyfunc.log_model("m", python_model=Same())
            source = f"{run.info.artifact_uri}/m"
    for name, status in (("failed", "FAILED"), ("killed", "KILLED")):
        client.set_terminated(client.create_run(group, run_name=name).info.run_id, status)
    deleted = client.create_run(group, run_name="deleted").info.run_id
    client.log_param(deleted, "z", "1")
    client.delete_run(deleted)
    client.create_run(group, run_name="open")
    client.create_registered_model("delay", tags={"owner": "me"}, description="delays of flights")
    for number in range(4):
        client.create_model_version(
            "delay", source, run.info.run_id, tags={"n": str(number)}, description=f"v {number}"
        )
    client.delete_model_version("delay", "2")
    client.set_registered_model_alias("delay", "champion", "3")
    client.transition_model_version_stage("delay", "1", "Production")
    client.create_registered_model("empty")


def tell(client: MlflowClient) -> dict:
    """Tell it, without where anything lies."""
    return {
        "experiments": [
            _group(client, one) for one in sorted(client.search_experiments(ViewType.ALL), key=lambda one: one.name)
        ],
        "models": [
            _registered(client, one) for one in sorted(client.search_registered_models(), key=lambda one: one.name)
        ],
    }


def _group(client: MlflowClient, one: Any) -> dict:
    runs = client.search_runs([one.experiment_id], run_view_type=ViewType.ALL)
    logged = client.search_logged_models([one.experiment_id]) if THREE and one.lifecycle_stage == "active" else []
    return {
        "id": one.experiment_id,
        "name": one.name,
        "stage": one.lifecycle_stage,
        "tags": one.tags,
        "runs": [_run(client, run) for run in sorted(runs, key=lambda run: run.info.run_id)],
        "logged": [
            [m.model_id, m.name, str(m.status), m.params, m.tags, sorted({(x.key, x.step) for x in m.metrics or ()})]
            for m in logged
        ],
    }


def _run(client: MlflowClient, run: Any) -> dict:
    info, data = run.info, run.data
    points = [client.get_metric_history(info.run_id, key) for key in sorted(data.metrics)]
    return {
        "id": info.run_id,
        "name": info.run_name,
        "status": info.status,
        "stage": info.lifecycle_stage,
        "start": info.start_time,
        "end": info.end_time,
        "params": data.params,
        "tags": {k: v for k, v in data.tags.items() if k not in LATER},
        "points": [sorted({(p.key, p.step, p.timestamp, str(_wide(p.value))) for p in series}) for series in points],
        "inputs": [
            [
                one.dataset.name,
                one.dataset.digest,
                one.dataset.source,
                one.dataset.schema,
                one.dataset.profile,
                [[tag.key, tag.value] for tag in one.tags],
            ]
            for one in run.inputs.dataset_inputs
        ],
        "files": _files(client, info.run_id) if info.lifecycle_stage == "active" else [],
    }


LATER = ("mlflow.log-model.history",)
"""Tags with addresses in them are the same all the same: what they say is compared by the models."""


def _wide(value: float) -> float:
    """A database has the largest number for an infinity."""
    return math.copysign(math.inf, value) if abs(value) >= 1.7e308 else value


def _files(client: MlflowClient, run: str, path: str | None = None) -> list:
    found = []
    for one in client.list_artifacts(run, path):
        if one.is_dir:
            found += _files(client, run, one.path)
        elif not one.path.endswith("registered_model_meta"):  # whoever loads a version leaves it there
            with tempfile.TemporaryDirectory() as folder:
                local = client.download_artifacts(run, one.path, folder)
                with pathlib.Path(local).open("rb") as file:
                    found.append([one.path, hashlib.sha256(file.read()).hexdigest()])
    return found


def _registered(client: MlflowClient, one: Any) -> dict:
    versions = client.search_model_versions(f"name='{one.name}'")
    return {
        "name": one.name,
        "text": one.description or "",
        "tags": one.tags,
        "aliases": {k: int(v) for k, v in one.aliases.items()},
        "versions": [
            [int(v.version), v.description or "", v.current_stage, v.run_id, v.tags, v.creation_timestamp]
            for v in sorted(versions, key=lambda v: int(v.version))
        ],
        "answers": [mlflow.pyfunc.load_model(f"models:/{one.name}/{v.version}").predict([1, 2]) for v in versions[:1]],
    }


mlflow.set_tracking_uri(sys.argv[2])
if sys.argv[1] == "make":
    make(MlflowClient(), sys.argv[3] if len(sys.argv) > 3 else "")
else:
    print("told:" + json.dumps(tell(MlflowClient()), sort_keys=True))
