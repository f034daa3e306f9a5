"""Models of MLflow's own clients: logged by hand and by autolog, registered, loaded, evaluated, and served by us."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import MAIN, ROOT, ask, installed, serving

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]
LIBRARIES = {"sklearn": "training_accuracy_score", "xgboost": "train-logloss", "lightgbm": "train-binary_logloss"}


@pytest.mark.parametrize("release", ["mlflow", "mlflow2"])
def test_models_are_logged_registered_and_loaded(client: Client, server: str, release: str) -> None:
    """What autolog and people log is loaded again by every address, and its versions lead back to their runs in our ledger."""
    said = json.loads(client(release, "mlflow_models.py", server).splitlines()[-1])
    for name, metric in LIBRARIES.items():
        one = said[name]
        assert (one["status"], one["same"], one["model"], one["params"] > 4) == ("FINISHED", True, True, True), name
        assert (metric in one["metrics"], "dataset" in one["data"]) == (True, True), name
    assert said["xgboost"]["curve"] == 5
    assert (said["loaded"], said["signature"][0]) == ([True, True], ["km", "hour"])
    if release == "mlflow":
        assert (said["logged model"], said["listed"]) == (["clf", "READY", True], [True])
    assert (said["evaluated"]["equal"], said["evaluated"]["files"] > 2, said["evaluated"]["data"]) == (True, True, 1)
    _registered(said)
    _known(server, said)


def _registered(said: dict[str, Any]) -> None:
    assert said["version"] == ["1", "the first", {"by": "hand", "checked": "yes"}, True, "READY"]
    assert (said["stages"], said["model"]) == (["Production", ["2"]], ["delay", "delays", "1"])
    assert (said["by name"], said["searched"]) == ([True] * 4, [["1", "2"], ["delay"]])
    assert said["refused"] == [
        "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE",
    ]  # fmt: skip
    assert (said["moved"], said["gone"], said["again"]) == ("2", "RESOURCE_DOES_NOT_EXIST", "shorter")
    assert said["function"] == [True, ["late", "twice"]]


def _known(server: str, said: dict[str, Any]) -> None:
    """Hold what was logged against the ledger: why, show and the history of an alias."""
    why = ask(server, "why?what=model/delay@1")
    assert [one["key"] for one in why["because"]] == [said["logged"]["run"]]
    shown = {name: ask(server, f"get?pointer=model/{name}@1")["metadata"] for name in ("delay", "twice", "boosted")}
    assert {name: one["pickle"] for name, one in shown.items() if name != "delay"} == {"twice": True, "boosted": False}
    assert shown["boosted"]["versions"]["mlflow"] == said["mlflow"]
    moves = ask(server, "history?what=model/delay@champion")
    assert [one["new"] for one in sorted(moves, key=lambda one: int(one["seq"]))] == [1, None, 2]


def test_pytorch_logs_itself(client: Client, server: str) -> None:
    """autolog of PyTorch Lightning: a curve over epochs, the trainer's params and the model, which loads again."""
    said = json.loads(client("torch", "mlflow_torch.py", server).splitlines()[-1])
    assert (said["status"], said["curve"], said["params"], said["same"]) == ("FINISHED", 3, True, True)
    (run,) = ask(server, "find?what=runs&limit=10")
    assert (run["id"], run["metrics"]["loss"] > 0) == (said["run"], True)


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter that has Loopline, and MLflow to load what only it can load."""
    return installed("serving")


def test_they_are_served_as_any_model(client: Client, python: Path, tmp_path: Path) -> None:
    """skops, XGBoost and, where somebody said so, a pickled function answer at every address what they answered at home."""
    with serving(tmp_path, str(python)) as server:
        said = json.loads(client("mlflow", "mlflow_models.py", server, "served").splitlines()[-1])

        def deploy(name: str, *words: str) -> subprocess.CompletedProcess[str]:
            command = [str(python), "-c", MAIN, "deploy", f"service/{name}@prod", "--model", f"model/{name}@1", *words]
            return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

        refused = deploy("twice")
        assert "unpickles" in refused.stderr + refused.stdout
        for name, words in (("delay", ()), ("boosted", ()), ("twice", ("--allow-pickle",))):
            done = deploy(name, *words)
            assert done.returncode == 0, done.stderr
        urls = _ready(server, 3)
        frame = {
            "dataframe_split": {"columns": ["km", "hour"], "data": [[one["km"], one["hour"]] for one in said["rows"]]}
        }
        for name in ("delay", "boosted"):
            url = urls[f"service/{name}@prod"]
            assert _post(f"{url}/invocations", frame)["predictions"] == said[name]
            told = _post(f"{url}/predict", {"records": said["rows"]})
            assert [one["predict"] for one in told["predictions"]] == said[name]
            columns = [(key, "FP64" if key == "km" else "INT64") for key in ("km", "hour")]
            tensors = [
                {"name": key, "shape": [3], "datatype": kind, "data": [one[key] for one in said["rows"]]}
                for key, kind in columns
            ]
            assert _post(f"{url}/v2/models/{name}/infer", {"inputs": tensors})["outputs"][0]["data"] == said[name]
        rows = _post(f"{urls['service/twice@prod']}/invocations", {"dataframe_records": said["rows"]})["predictions"]
        assert rows == [{"twice": one["km"] * 2, "late": one["hour"] > 12} for one in said["rows"]]
        with pytest.raises(urllib.error.HTTPError) as wrong:
            _post(f"{urls['service/delay@prod']}/invocations", {"inputs": {"km": [1.0]}})
        assert (wrong.value.code, json.load(wrong.value)["error_code"]) == (400, "BAD_REQUEST")


def _ready(server: str, count: int) -> dict[str, str]:
    """Wait until so many deployments answer, and give their addresses."""
    until = time.monotonic() + 60
    while True:
        found = ask(server, "services")
        if sum(one["state"] == "ready" for one in found) == count:
            return {one["ref"]: one["url"] for one in found}
        assert time.monotonic() < until, found
        time.sleep(0.3)


def _post(url: str, body: Any) -> Any:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def test_the_example_runs_unchanged(server: str) -> None:
    """With nothing but MLFLOW_TRACKING_URI set, the run, its curve, its data, its model and why it is there are found at once."""
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "MLFLOW_TRACKING_URI": server}
    done = subprocess.run(
        [str(installed("mlflow")), str(ROOT / "examples" / "mlflow" / "train.py")], check=False, capture_output=True, text=True,
        env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    began = time.monotonic()
    run = ask(server, f"show?what={done.stdout.split()[-1]}")
    why = ask(server, "why?what=model/diabetes@1")
    (curve,) = ask(server, f"series?runs={run['id']}&keys=test_mae")
    assert time.monotonic() - began < 1
    assert (run["name"], run["experiment"], run["state"]) == ("trees", "diabetes", "finished")
    assert ([one["key"] for one in why["because"]], curve["count"]) == ([run["id"]], 60)
    assert {one["name"] for one in run["inputs"]} == {"dataset"}
