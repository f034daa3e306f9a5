"""Track as people do with mlflow: runs, metrics, files, datasets, several processes at once. Prints what it got back."""

from __future__ import annotations

import json
import math
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow_parts import play, refused, said


def story() -> None:
    """One run with everything in it, and a run inside of it."""
    made = mlflow.set_experiment("flights delay")
    mlflow.set_experiment_tag("team", "ops")
    with mlflow.start_run(run_name="train é", tags={"stage": "warm"}, description="the July data") as run:
        said.update(run=run.info.run_id, experiment=made.experiment_id, name=run.info.run_name)
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
            said["inner"] = inner.info.run_id
    try:
        with mlflow.start_run(run_name="breaks") as broken:
            said["broken"] = broken.info.run_id
            raise ValueError("boom")
    except ValueError:
        pass


def read_back() -> None:
    """Read by every way that there is."""
    client, run = MlflowClient(), said["run"]
    found = client.get_run(run)
    said["params"], said["status"] = found.data.params, found.info.status
    said["metrics"] = {key: str(value) for key, value in found.data.metrics.items()}
    wanted = ("stage", "fold", "gone", "mlflow.note.content")
    said["tags"] = {key: value for key, value in found.data.tags.items() if key in wanted}
    history = client.get_metric_history(run, "loss")
    said["history"] = [len(history), [one.step for one in history][:3], round(history[-1].value, 3)]
    said["parent"] = client.get_run(said["inner"]).data.tags["mlflow.parentRunId"]
    said["states"] = [client.get_run(said[name]).info.status for name in ("run", "inner", "broken")]


def searches() -> None:
    """Find runs, as a data frame."""
    where = "metrics.loss < 0.1 and params.depth = '8' and tags.stage LIKE 'wa%'"
    frame = mlflow.search_runs(experiment_names=["flights delay"], filter_string=where)
    said["searched"] = [frame["run_id"].tolist(), frame["params.lr"].tolist(), round(frame["metrics.auc"][0], 2)]
    everything = mlflow.search_runs(experiment_names=["flights delay"], order_by=["metrics.auc DESC"])
    said["ordered"] = [len(everything), everything["metrics.auc"].dropna().tolist()]
    said["types"] = [str(everything[name].dtype).partition("[")[0] for name in ("start_time", "metrics.auc")]
    said["bad filter"] = refused(
        mlflow.search_runs, experiment_names=["flights delay"], filter_string="metrics.auc ~ 1"
    )


def data() -> None:
    """What a run was given."""
    frame = pd.DataFrame({"km": [1.0, 2.0], "late": [0, 1]})
    given = mlflow.data.from_pandas(frame, source="s3://lake/flights.csv", name="flights", targets="late")
    with mlflow.start_run(run_id=said["run"]):
        mlflow.log_input(given, context="training")
    (found,) = MlflowClient().get_run(said["run"]).inputs.dataset_inputs
    context = {one.key: one.value for one in found.tags}
    said["dataset"] = [
        found.dataset.name,
        context,
        json.loads(found.dataset.profile)["num_rows"],
        found.dataset.digest == given.digest,
    ]


def files() -> None:
    """Files and folders of a run, there and back."""
    run, body = said["run"], bytes(range(256)) * 4000
    with mlflow.start_run(run_id=run), tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "deep" / "er").mkdir(parents=True)
        (here / "top.txt").write_text("top")
        (here / "deep" / "er" / "b ü.bin").write_bytes(body)
        mlflow.log_artifacts(folder, "plots")
        mlflow.log_artifact(str(here / "top.txt"))
        mlflow.log_dict({"a": [1, 2]}, "conf/a.json")
        mlflow.log_text("hello", "notes/a.md")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "tables/t.json")
        listed = sorted(one.path for one in mlflow.artifacts.list_artifacts(run_id=run))
        inside = mlflow.artifacts.list_artifacts(run_id=run, artifact_path="plots")
        back = Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="plots", dst_path=str(here / "back")))
        said["files"] = {
            "top": listed,
            "plots": [(one.path, one.is_dir, one.file_size) for one in inside],
            "same": (back / "deep" / "er" / "b ü.bin").read_bytes() == body,
            "table": mlflow.load_table("tables/t.json", run_ids=[run])["n"].tolist(),
            "text": mlflow.artifacts.load_text(f"runs:/{run}/notes/a.md"),
            "dict": mlflow.artifacts.load_dict(f"runs:/{run}/conf/a.json"),
        }
        try:
            mlflow.artifacts.load_text(f"runs:/{run}/none.md")
        except (MlflowException, OSError) as error:
            said["files"]["missing"] = type(error).__name__


def administration() -> None:
    """What MlflowClient does beside tracking."""
    client = MlflowClient()
    number = client.create_experiment("second", tags={"a": "b"})
    said["taken"] = refused(client.create_experiment, "second")
    client.rename_experiment(number, "renamed")
    client.set_experiment_tag(number, "c", "d")
    run = client.create_run(number, run_name="by hand", tags={"k": "v"}).info.run_id
    now = int(time.time() * 1000)
    points = [Metric("m", step / 2, now + step, step) for step in range(1000)]
    params, tags = [Param(f"p{i}", str(i)) for i in range(100)], [RunTag(f"t{i}", str(i)) for i in range(100)]
    client.log_batch(run, points[:-200], params, tags)
    client.log_batch(run, points[-200:])
    client.update_run(run, name="by hand, renamed")
    client.set_terminated(run, "KILLED")
    whole = client.get_run(run)
    said["batch"] = [whole.data.metrics["m"], len(whole.data.params), whole.data.tags["t7"]]
    said["renamed"] = [whole.info.run_name, whole.info.status]
    client.delete_run(run)
    said["deleted"] = [client.get_run(run).info.lifecycle_stage, len(client.search_runs([number]))]
    client.restore_run(run)
    (found,) = client.search_experiments(filter_string="name = 'renamed' and tags.c = 'd'")
    said["found"] = [found.experiment_id == number, found.tags, len(client.search_runs([number]))]
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


def _child(way: str, run: str, key: str) -> None:
    """Log into the parent's run, or into one below it."""
    if way == "in":
        for step in range(25):
            MlflowClient().log_metric(run, key, step, step=step)
        return
    with mlflow.start_run(nested=True, parent_run_id=run):
        for step in range(25):
            mlflow.log_metric(key, step, step=step)


def many_at_once() -> None:
    """Asynchronous logging, and child processes that write into one run and below it."""
    mlflow.set_experiment("parallel")
    with mlflow.start_run(run_name="async") as run:
        number = run.info.run_id
        for step in range(200):
            mlflow.log_metric("loss", step, step=step, synchronous=False)
        mlflow.log_params({"a": 1}, synchronous=False).wait()
        mlflow.flush_async_logging()
        said["async"] = len(MlflowClient().get_metric_history(number, "loss"))
        begin = multiprocessing.get_context("fork").Process
        ways = [("in", "child0"), ("in", "child1"), ("under", "child2"), ("under", "child3")]
        running = [begin(target=_child, args=(way, number, key)) for way, key in ways]
        for one in running:
            one.start()
        for one in running:
            one.join(60)
        said["ended"] = [one.exitcode for one in running]
    here = MlflowClient().get_run(number).data.metrics
    under = MlflowClient().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{number}'")
    said["children"] = [sorted(key for key in here if "child" in key), sorted(one.info.status for one in under)]


def watched() -> None:
    """System metrics, beside the run's own."""
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    with mlflow.start_run(run_name="watched", log_system_metrics=True) as run:
        time.sleep(1.0)
    keys = MlflowClient().get_run(run.info.run_id).data.metrics
    said["system"] = sorted(key for key in keys if key.startswith("system/cpu"))


def ours() -> None:
    """A run that Loopline's own SDK has made, whose id comes as a word."""
    found = MlflowClient().get_run(sys.argv[2])
    said["ours"] = [found.info.run_name, found.data.params, found.data.metrics, found.info.status]


mlflow.set_tracking_uri(sys.argv[1])
play(
    story,
    read_back,
    searches,
    data,
    files,
    administration,
    many_at_once,
    watched,
    *([ours] if len(sys.argv) > 2 else []),
)
