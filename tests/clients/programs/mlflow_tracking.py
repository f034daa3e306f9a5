"""Track as a person does with mlflow: runs, nested runs, metrics, files, datasets, several processes at once. Prints what it saw."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

TWO = mlflow.__version__.startswith("2.")
said: dict[str, Any] = {"mlflow": mlflow.__version__}


def refused(call: Any, *words: Any, **named: Any) -> str:
    """Give the error's code."""
    try:
        call(*words, **named)
    except MlflowException as error:
        return str(error.error_code)
    return "nothing"


def story() -> None:
    """One run with everything in it, and a run inside of it."""
    made = mlflow.set_experiment("flights delay")
    mlflow.set_experiment_tag("team", "ops")
    with mlflow.start_run(run_name="train é", tags={"stage": "warm"}, description="the July data") as run:
        mlflow.log_param("depth", 8)
        mlflow.log_params({"lr": 0.1, "note": "a b"})
        for step in range(20):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.71, "odd": math.nan, "far": math.inf}, step=3)
        mlflow.set_tags({"fold": "1", "gone": "x"})
        mlflow.delete_tag("gone")
        said["immutable"] = refused(mlflow.log_param, "depth", 9)
        with mlflow.start_run(run_name="fold", nested=True) as inner:
            mlflow.log_metric("auc", 0.6)
        frame = pd.DataFrame({"km": [1.0, 2.0], "late": [0, 1]})
        mlflow.log_input(
            mlflow.data.from_pandas(frame, source="s3://lake/flights.csv", name="flights", targets="late"),
            context="training",
        )
        files(run.info.run_id)
    said.update(run=run.info.run_id, inner=inner.info.run_id, experiment=made.experiment_id, name=run.info.run_name)
    try:
        with mlflow.start_run(run_name="breaks") as broken:
            raise ValueError("boom")
    except ValueError:
        said["broken"] = broken.info.run_id


def files(run: str) -> None:
    """Files and folders of a run, there and back."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "deep" / "er").mkdir(parents=True)
        (here / "top.txt").write_text("top")
        (here / "deep" / "er" / "b ü.bin").write_bytes(bytes(range(256)) * 4000)
        mlflow.log_artifacts(folder, "plots")
        mlflow.log_artifact(str(here / "top.txt"))
        mlflow.log_dict({"a": [1, 2]}, "conf/a.json")
        mlflow.log_text("hello", "notes/a.md")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "tables/t.json")
        listed = sorted(one.path for one in mlflow.artifacts.list_artifacts(run_id=run))
        inside = [
            (one.path, one.is_dir, one.file_size)
            for one in mlflow.artifacts.list_artifacts(run_id=run, artifact_path="plots")
        ]
        back = Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="plots", dst_path=str(here / "back")))
        same = (back / "deep" / "er" / "b ü.bin").read_bytes() == bytes(range(256)) * 4000
        table = mlflow.load_table("tables/t.json", run_ids=[run])["n"].tolist()
        text = mlflow.artifacts.load_text(f"runs:/{run}/notes/a.md")
        conf = mlflow.artifacts.load_dict(f"runs:/{run}/conf/a.json")
        said["files"] = [
            listed,
            inside,
            same,
            table,
            text,
            conf,
            refused(mlflow.artifacts.load_text, f"runs:/{run}/none.md"),
        ]


def read_back() -> None:
    """Read by every way that there is."""
    client, run = MlflowClient(), said["run"]
    found = client.get_run(run)
    said["params"], said["status"] = found.data.params, found.info.status
    said["metrics"] = {key: str(value) for key, value in found.data.metrics.items()}
    said["tags"] = {
        key: value for key, value in found.data.tags.items() if key in ("stage", "fold", "gone", "mlflow.note.content")
    }
    history = client.get_metric_history(run, "loss")
    said["history"] = [len(history), [one.step for one in history][:3], round(history[-1].value, 3)]
    said["parent"] = client.get_run(said["inner"]).data.tags["mlflow.parentRunId"]
    data = found.inputs.dataset_inputs[0]
    said["dataset"] = [
        data.dataset.name,
        {one.key: one.value for one in data.tags},
        json.loads(data.dataset.profile)["num_rows"],
    ]
    said["states"] = [client.get_run(said[name]).info.status for name in ("run", "inner", "broken")]
    frame = mlflow.search_runs(
        experiment_names=["flights delay"],
        filter_string="metrics.loss < 0.1 and params.depth = '8' and tags.stage LIKE 'wa%'",
    )
    said["searched"] = [
        len(frame),
        frame["run_id"].tolist() == [run],
        frame["params.lr"].tolist(),
        round(frame["metrics.auc"][0], 2),
    ]
    everything = mlflow.search_runs(experiment_names=["flights delay"], order_by=["metrics.auc DESC"])
    said["ordered"] = everything["metrics.auc"].dropna().tolist()[:2] if len(everything) else []
    said["types"] = [str(everything[name].dtype) for name in ("start_time", "metrics.auc")]


def administration() -> None:
    """What MlflowClient does beside tracking."""
    client = MlflowClient()
    number = client.create_experiment("second", tags={"a": "b"})
    said["taken"] = refused(client.create_experiment, "second")
    client.rename_experiment(number, "renamed")
    client.set_experiment_tag(number, "c", "d")
    run = client.create_run(number, run_name="by hand", tags={"k": "v"}).info.run_id
    now = int(time.time() * 1000)
    client.log_batch(run, [Metric("m", step / 2, now + step, step) for step in range(1000)], [Param(f"p{i}", str(i)) for i in range(100)],
                     [RunTag(f"t{i}", str(i)) for i in range(100)])  # fmt: skip
    said["limit"] = refused(client.log_batch, run, [Metric("m", 1, now, step) for step in range(1001)])
    client.update_run(run, status="FINISHED", name="by hand, renamed")
    client.set_terminated(run, "KILLED")
    whole = client.get_run(run)
    said["batch"] = [
        whole.data.metrics["m"],
        len(whole.data.params),
        whole.data.tags["t7"],
        whole.info.run_name,
        whole.info.status,
    ]
    client.delete_run(run)
    said["deleted"] = [client.get_run(run).info.lifecycle_stage, len(client.search_runs([number]))]
    client.restore_run(run)
    found = client.search_experiments(filter_string="name = 'renamed' and tags.c = 'd'")
    said["found"] = [found[0].experiment_id == number, found[0].tags, len(client.search_runs([number]))]
    client.delete_experiment(number)
    said["gone"] = [
        client.get_experiment(number).lifecycle_stage,
        mlflow.get_experiment_by_name("renamed").lifecycle_stage,
    ]
    client.restore_experiment(number)
    said["missing"] = [
        refused(client.get_run, "0" * 32),
        refused(client.get_experiment, "987654"),
        mlflow.get_experiment_by_name("no"),
    ]


def many_at_once() -> None:
    """Asynchronous logging, child processes that write into one run, and system metrics."""
    mlflow.set_experiment("parallel")
    with mlflow.start_run(run_name="async") as run:
        for step in range(200):
            mlflow.log_metric("loss", step, step=step, synchronous=False)
        mlflow.log_params({"a": 1}, synchronous=False).wait()
        mlflow.flush_async_logging()
        said["async"] = len(MlflowClient().get_metric_history(run.info.run_id, "loss"))
        child = "import mlflow,sys\nwith mlflow.start_run(run_id=sys.argv[1]) if sys.argv[2]=='in' else mlflow.start_run(nested=True,parent_run_id=sys.argv[1]):\n for i in range(25): mlflow.log_metric(sys.argv[3], i, step=i)"
        start = [sys.executable, "-c", child, run.info.run_id]
        env = {**os.environ, "MLFLOW_EXPERIMENT_NAME": "parallel"}
        ways = [("in", "child0"), ("in", "child1"), ("under", "child2"), ("under", "child3")]
        running = [subprocess.Popen([*start, *way], env=env) for way in ways]
        assert [one.wait(60) for one in running] == [0] * 4
        here = MlflowClient().get_run(run.info.run_id).data.metrics
        under = MlflowClient().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
        said["children"] = [
            sorted(key for key in here if key.startswith("child")),
            len(under),
            {one.info.status for one in under} == {"FINISHED"},
        ]
    mlflow.set_system_metrics_sampling_interval(0.3)
    with mlflow.start_run(run_name="watched", log_system_metrics=True) as run:
        time.sleep(1.2)
    keys = MlflowClient().get_run(run.info.run_id).data.metrics
    said["system"] = sorted(key for key in keys if key.startswith("system/"))[:2]


mlflow.set_tracking_uri(sys.argv[1])
for part in (story, read_back, administration, many_at_once):
    began = time.perf_counter()
    part()
    print(f"{part.__name__}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
print(json.dumps(said, default=str))
