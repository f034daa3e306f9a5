"""Stores that releases of MLflow have made are adopted, and what is exported is read by them as if it had always been there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import MAIN, Client, installed

pytestmark = pytest.mark.clients


def told(client: Client, name: str, uri: str) -> Any:
    """Give what a release of MLflow says that a store has."""
    return json.loads(client(name, "mlflow_store.py", "tell", uri).rpartition("told:")[2])


def loopline(folder: Path, *words: str) -> Any:
    """Run a command in a project and give its result."""
    folder.mkdir(exist_ok=True)
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *words, "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["result"]


@pytest.mark.parametrize("release", ["mlflow", "mlflow2"])
@pytest.mark.parametrize("kind", ["database", "folder"])
def test_a_real_store_moves_over_and_back(release: str, kind: str, client: Client, tmp_path: Path) -> None:
    """What MLflow tells of the store, and of the folder that was exported after it was adopted, is the same."""
    artifacts = [] if kind == "folder" else [str(tmp_path / "artifacts")]
    uri = str(tmp_path / "mlruns") if kind == "folder" else f"sqlite:///{tmp_path / 'mlflow.db'}"
    client(release, "mlflow_store.py", "make", uri, *artifacts)
    before = told(client, release, uri)
    assert sum(len(one["runs"]) for one in before["experiments"]) == 7
    named = [word for at in artifacts for word in ("--artifacts", at)]
    done = loopline(tmp_path / "project", "adopt", "mlflow", uri, *named)
    assert (done["state"], done["differing"], [one for one in done["left"] if one["lost"]]) == ("adopted", [], [])
    assert loopline(tmp_path / "project", "export", "mlflow", str(tmp_path / "out"))["state"] == "exported"
    assert told(client, release, str(tmp_path / "out")) == before
    assert told(client, release, uri) == before


def test_what_was_exported_becomes_a_database(client: Client, tmp_path: Path) -> None:
    """MLflow's own migration takes the folder, and the database that it makes is adopted again with equal digests."""
    client("mlflow", "mlflow_store.py", "make", str(tmp_path / "mlruns"))
    loopline(tmp_path / "project", "adopt", "mlflow", str(tmp_path / "mlruns"))
    loopline(tmp_path / "project", "export", "mlflow", str(tmp_path / "out"))
    database = f"sqlite:///{tmp_path / 'new.db'}"
    migrate = [
        str(installed("mlflow").parent / "mlflow"),
        "migrate-filestore",
        "--source",
        str(tmp_path / "out"),
        "--target",
        database,
    ]
    moved = subprocess.run(migrate, capture_output=True, text=True, check=False)
    assert moved.returncode == 0, moved.stdout + moved.stderr
    done = loopline(tmp_path / "again", "adopt", "mlflow", database, "--artifacts", str(tmp_path / "out"))
    assert (done["state"], done["differing"]) == ("adopted", [])
