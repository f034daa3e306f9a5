"""MLflow's own client, unmodified, newest release and the newest 2.x: tracking, searches, files, administration, traces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import MAIN, ask

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]
SCRIPT = """
import loopline
with loopline.start("by our own hand", experiment="flights delay", params={"depth": 8}) as run:
    run.log(auc=0.75)
print(run.id)
"""


def own_run(folder: Path, server: str) -> str:
    """Record a run with Loopline's SDK, and give its id."""
    env = {**os.environ, "LOOPLINE_URL": server}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.split()[-1]


@pytest.mark.parametrize("release", ["mlflow", "mlflow2"])
def test_a_person_tracks_as_ever(client: Client, server: str, tmp_path: Path, release: str) -> None:
    """Everything that is logged comes back as it was, by every way of reading, and stands in our ledger as any run does."""
    own = own_run(tmp_path, server)
    said = json.loads(client(release, "mlflow_tracking.py", server, own).splitlines()[-1])
    _read_back(said)
    _administered(said)
    assert said["ours"] == ["by our own hand", {"depth": "8"}, {"auc": 0.75}, "FINISHED"]
    found = {run["name"]: run for run in ask(server, "find?what=runs&steps=true&limit=100")}
    run = found["train é"]
    assert (run["id"], run["experiment"], run["state"], run["params"]["depth"]) == (
        said["run"],
        "flights delay",
        "finished",
        "8",
    )
    assert (found["fold"]["parent"], found["breaks"]["state"]) == (said["run"], "failed")
    assert found["by our own hand"]["experiment"] == "flights delay"
    inputs = [(link["name"], link["media_type"]) for link in run["inputs"]]
    assert [name for name, _ in inputs] == ["flights"]
    show = [sys.executable, "-c", MAIN, "show", said["run"], "--json"]
    done = subprocess.run(show, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["result"]["metrics"]["auc"] == 0.71


def _read_back(said: dict[str, Any]) -> None:
    run = said["run"]
    assert (said["name"], said["immutable"], said["status"]) == ("train é", "INVALID_PARAMETER_VALUE", "FINISHED")
    assert said["params"] == {"depth": "8", "lr": "0.1", "note": "a b"}
    assert said["metrics"] == {"auc": "0.71", "far": "inf", "loss": "0.05", "odd": "nan"}
    assert said["tags"] == {"fold": "1", "mlflow.note.content": "the July data", "stage": "warm"}
    assert (said["history"], said["parent"]) == ([20, [0, 1, 2], 0.05], run)
    assert said["states"] == ["FINISHED", "FINISHED", "FAILED"]
    assert said["searched"] == [[run], ["0.1"], 0.71]
    assert said["ordered"] == [4, [0.75, 0.71, 0.6]]
    assert (said["types"], said["bad filter"]) == (["datetime64", "float64"], "INVALID_PARAMETER_VALUE")
    assert said["dataset"] == ["flights", {"mlflow.data.context": "training"}, 2, True]
    assert said["files"] == {
        "top": ["conf", "notes", "plots", "tables", "top.txt"],
        "plots": [["plots/deep", True, None], ["plots/top.txt", False, 3]],
        "same": True, "table": [1, 2], "text": "hello", "dict": {"a": [1, 2]}, "missing": said["files"]["missing"],
    }  # fmt: skip


def _administered(said: dict[str, Any]) -> None:
    assert (said["taken"], said["batch"]) == ("RESOURCE_ALREADY_EXISTS", [499.5, 100, "7"])
    assert (said["renamed"], said["deleted"]) == (["by hand, renamed", "KILLED"], ["deleted", 0])
    assert said["found"] == [True, {"a": "b", "c": "d"}, 1]
    assert (said["gone"], said["missing"]) == (["deleted"] * 2, ["RESOURCE_DOES_NOT_EXIST"] * 2 + [None])
    assert (said["async"], said["ended"]) == (200, [0] * 4)
    assert said["children"] == [["child0", "child1"], ["FINISHED", "FINISHED"]]
    assert said["system"] == ["system/cpu_utilization_percentage"]


@pytest.mark.parametrize("release", ["mlflow", "mlflow2"])
def test_functions_are_traced(client: Client, server: str, release: str) -> None:
    """Spans, what broke, tags, searches and deletion; of 3.x feedback, expectations and prompts, too."""
    said = json.loads(client(release, "mlflow_traces.py", server).splitlines()[-1])
    inner = ["look_up", "RETRIEVER", {"city": "oslo"}, ["oslo", "OSLO"]]
    assert said["spans"] == [["answer", "UNKNOWN", {"city": "oslo"}, "oslo OSLO"], inner]
    assert (said["parents"], said["states"], said["error"]) == ([False, True], ["OK", "ERROR", "OK"], ["exception"])
    assert said["attributes"] == [{"q": "é"}, {"a": [1, 2]}, 3]
    assert (said["tagged"], said["wrong"], said["frame"], said["untagged"]) == ([True], [True], 3, 0)
    assert (said["deleted"], said["gone"]) == (1, "RESOURCE_DOES_NOT_EXIST")
    if release == "mlflow":
        assert (said["judged"], said["left"]) == ([True, "short", {"city": "Oslo"}, "ann"], ["wanted"])
        assert (said["prompts"], said["newest"]) == ([1, 2, "Hello Ada", "first"], "Hi {{name}}")
