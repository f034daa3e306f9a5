"""Small tracking stores by hand, as MLflow lays them out: a database of an old or a new schema, a folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

RUN, GONE, OPEN, TRASHED = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
ODD: Final = "odd-run"
MODEL: Final = "m-" + "e" * 32
OLD, NEW = "97727af70f4d", "dc11669786a5"
"""Schemas of MLflow 2.0 and 3.17."""
FILES: Final = {"notes/a b.txt": b"hello", "model/MLmodel": b"flavors: {}\n", "large.bin": b"x" * 300_000}
POINTS: Final = (
    ("loss", 1.0, 0, 1000, 0), ("loss", 0.5, 1, 1001, 0), ("loss", 0.25, 1, 1002, 0), ("odd", 0.0, 0, 1000, 1),
    ("up", 1.7976931348623157e308, -3, 1000, 0),
)  # fmt: skip
"""Key, value, step, time, and whether it is NaN, as a database has them: an infinity is the largest number."""

_TABLES: Final = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256), artifact_location VARCHAR(256),
 lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT);
CREATE TABLE experiment_tags (key VARCHAR(250), value VARCHAR(5000), experiment_id INTEGER, PRIMARY KEY (key, experiment_id));
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), user_id VARCHAR(256), status VARCHAR(9),
 start_time BIGINT, end_time BIGINT, deleted_time BIGINT, lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200),
 experiment_id INTEGER);
CREATE TABLE metrics (key VARCHAR(250), value DOUBLE PRECISION, timestamp BIGINT, run_uuid VARCHAR(32), step BIGINT,
 is_nan BOOLEAN);
CREATE TABLE params (key VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32), PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32), PRIMARY KEY (key, run_uuid));
CREATE TABLE registered_models (name VARCHAR(256) PRIMARY KEY, creation_time BIGINT, last_updated_time BIGINT,
 description VARCHAR(5000));
CREATE TABLE registered_model_tags (key VARCHAR(250), value VARCHAR(5000), name VARCHAR(256));
CREATE TABLE model_versions (name VARCHAR(256), version INTEGER, creation_time BIGINT, last_updated_time BIGINT,
 description VARCHAR(5000), user_id VARCHAR(256), current_stage VARCHAR(20), source VARCHAR(500), run_id VARCHAR(32),
 status VARCHAR(20), status_message VARCHAR(500), PRIMARY KEY (name, version));
CREATE TABLE model_version_tags (key VARCHAR(250), value VARCHAR(5000), name VARCHAR(256), version INTEGER);
CREATE TABLE alembic_version (version_num VARCHAR(32));
"""
_NEWER: Final = """
CREATE TABLE registered_model_aliases (alias VARCHAR(256), version INTEGER, name VARCHAR(256));
CREATE TABLE datasets (dataset_uuid VARCHAR(36), experiment_id INTEGER, name VARCHAR(500), digest VARCHAR(36),
 dataset_source_type VARCHAR(36), dataset_source TEXT, dataset_schema TEXT, dataset_profile TEXT);
CREATE TABLE inputs (input_uuid VARCHAR(36), source_type VARCHAR(36), source_id VARCHAR(36), destination_type VARCHAR(36),
 destination_id VARCHAR(36), step BIGINT);
CREATE TABLE input_tags (input_uuid VARCHAR(36), name VARCHAR(255), value VARCHAR(500));
CREATE TABLE logged_models (model_id VARCHAR(36), experiment_id INTEGER, name VARCHAR(500), artifact_location VARCHAR(1000),
 creation_timestamp_ms BIGINT, last_updated_timestamp_ms BIGINT, status INTEGER, lifecycle_stage VARCHAR(32),
 model_type VARCHAR(500), source_run_id VARCHAR(32), status_message VARCHAR(1000));
CREATE TABLE logged_model_params (model_id VARCHAR(36), param_key VARCHAR(255), param_value TEXT);
CREATE TABLE logged_model_tags (model_id VARCHAR(36), tag_key VARCHAR(255), tag_value TEXT);
CREATE TABLE logged_model_metrics (model_id VARCHAR(36), metric_name VARCHAR(500), metric_timestamp_ms BIGINT, metric_step BIGINT,
 metric_value DOUBLE PRECISION, run_id VARCHAR(32), dataset_name VARCHAR(500), dataset_digest VARCHAR(36));
"""


def rows(scheme: str, revision: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of a database by table; `scheme` is what stands before the paths of artifacts."""
    at = f"{scheme}/3/{RUN}/artifacts"
    found: dict[str, list[tuple[Any, ...]]] = {
        "experiments": [
            (0, "Default", f"{scheme}/0", "active", 10, 10), (3, "delays", f"{scheme}/3", "active", 20, 21),
            (5, "gone", f"{scheme}/5", "deleted", 30, 31),
        ],
        "experiment_tags": [("team", "ops", 3)],
        "runs": [
            (RUN, "", "ann", "FINISHED", 1000, 2000, None, "active", at, 3),
            (GONE, "second", "unknown", "FAILED", 1001, 1002, 3000, "deleted", f"{scheme}/3/{GONE}/artifacts", 3),
            (OPEN, "third", None, "RUNNING", 1003, None, None, "active", f"{scheme}/3/{OPEN}/artifacts", 3),
            (ODD, "fourth", None, "KILLED", 1003, 1004, None, "active", f"{scheme}/0/{ODD}/artifacts", 0),
            (TRASHED, "fifth", None, "SCHEDULED", 1005, None, 31, "deleted", f"{scheme}/5/{TRASHED}/artifacts", 5),
        ],
        "metrics": [(key, value, time, RUN, step, bool(nan)) for key, value, step, time, nan in POINTS]
        + [("a", 1.0, 1, ODD, 0, False)],
        "params": [("depth", "8", RUN), ("path/x", "a b", RUN), ("long", "v" * 8000, RUN), ("z", "", ODD)],
        "tags": [
            ("mlflow.runName", "first", RUN), ("mlflow.user", "bob", RUN), ("key", "mine", RUN), ("task.id", "7", RUN),
            ("mlflow.parentRunId", RUN, OPEN), ("mlflow.source.git.commit", "abc", OPEN),
        ],
        "registered_models": [("delay", 40, 41, "delays of flights"), ("empty", 42, 42, None)],
        "registered_model_tags": [("owner", "me", "delay")],
        "model_versions": [
            ("delay", 1, 50, 51, "one", "ann", "Production", f"{at}/model", RUN, "READY", None),
            ("delay", 2, 52, 53, None, None, "Deleted_Internal", "REDACTED-SOURCE-PATH", None, "READY", None),
            ("delay", 3, 54, 55, None, None, "Archived", f"runs:/{RUN}/model", RUN, "READY", None),
        ],
        "model_version_tags": [("n", "1", "delay", 1)],
        "alembic_version": [(revision,)],
    }  # fmt: skip
    return found | (_newer(scheme) if revision == NEW else {})


def _newer(scheme: str) -> dict[str, list[tuple[Any, ...]]]:
    return {
        "registered_model_aliases": [("champion", 3, "delay")],
        "datasets": [("set-1", 3, "train", "81c3", "code", "{}", None, "{}")],
        "inputs": [("in-1", "DATASET", "set-1", "RUN", RUN, 0), ("out-1", "RUN_OUTPUT", RUN, "MODEL_OUTPUT", MODEL, 2)],
        "input_tags": [("in-1", "mlflow.data.context", "training")],
        "logged_models": [(MODEL, 3, "m", f"{scheme}/3/models/{MODEL}/artifacts", 60, 61, 2, "active", "agent", RUN, None)],
        "logged_model_params": [(MODEL, "p", "1")],
        "logged_model_tags": [(MODEL, "stage", "ok")],
        "logged_model_metrics": [(MODEL, "auc", 70, 1, 0.5, RUN, None, None), (MODEL, "auc", 71, 2, 0.9, RUN, None, None)],
    }  # fmt: skip


def statements(scheme: str, revision: str, mark: str = "?") -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
    """Give the statements that make a database, each with its rows."""
    for one in filter(str.strip, (_TABLES + (_NEWER if revision == NEW else "")).split(";")):
        yield one, []
    for table, several in rows(scheme, revision).items():
        yield f"INSERT INTO {table} VALUES ({', '.join(mark for _ in several[0])})", several


def database(folder: Path, revision: str = NEW, *, scheme: str = "mlflow-artifacts:") -> Path:
    """Make a database in a folder, with artifacts beside it, as a server of MLflow keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mlflow.db"
    connection = sqlite3.connect(file)
    for text, several in statements(scheme, revision):
        connection.executemany(text, several) if several else connection.execute(text)
    connection.commit()
    connection.close()
    artifacts(folder / "mlartifacts")
    return file


def artifacts(root: Path) -> None:
    """Write the files of the run and of the logged model."""
    _files(root / "3" / RUN / "artifacts")
    _files(root / "3" / "models" / MODEL / "artifacts", {"MLmodel": b"flavors: {}\n"})


def _files(at: Path, files: dict[str, bytes] = FILES) -> None:
    for path, data in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_bytes(data)


def _meta(at: Path, **said: Any) -> None:
    at.mkdir(parents=True, exist_ok=True)
    (at / "meta.yaml").write_text(
        "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items()), encoding="utf-8"
    )


def _pairs(at: Path, **said: str) -> None:
    for key, value in said.items():
        file = at / key.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value.encode())


def folder(root: Path, *, written: str = "") -> Path:
    """Make a folder `mlruns`; `written` is the place for which its addresses were written, where it was moved since."""
    here = written or str(root)
    _meta(root / "0", experiment_id="0", name="Default", lifecycle_stage="active", artifact_location=f"{here}/0")
    _meta(root / "3", experiment_id="3", name="delays", lifecycle_stage="active", creation_time=20, last_update_time=21)
    _pairs(root / "3" / "tags", team="ops")
    _meta(root / ".trash" / "5", experiment_id="5", name="gone", lifecycle_stage="deleted")
    run = root / "3" / RUN
    _meta(
        run, run_id=RUN, run_uuid=RUN, experiment_id="3", user_id="ann", status=3, start_time=1000, end_time=2000,
        lifecycle_stage="active", artifact_uri=f"{here}/3/{RUN}/artifacts", tags=[], source_type=4,
    )  # fmt: skip
    _pairs(run / "params", depth="8", path__x="a b", long="v" * 8000)
    _pairs(run / "tags", mlflow_dot_runName="first", mlflow_dot_user="bob", key="mine")
    _pairs(
        run / "metrics", loss="1000 1.0 0\n1000 1.0 0\n1001 0.5 1\n1002 0.25 1\n", odd="1000 nan 0\n", up="1000 inf -3\n",
        val__old="1000 3.5\n",
    )  # fmt: skip
    _files(run / "artifacts")
    trashed = root / ".trash" / "5" / TRASHED
    _meta(
        trashed,
        run_uuid=TRASHED,
        name="fifth",
        experiment_id="5",
        status=2,
        start_time=1005,
        lifecycle_stage="deleted",
        user_id="eve",
    )
    _meta(
        root / "3" / RUN / "inputs" / "1",
        source_type="DATASET",
        source_id="set-1",
        tags={"mlflow.data.context": "training"},
    )
    _meta(
        root / "3" / "datasets" / "set-1",
        name="train",
        digest="81c3",
        source_type="code",
        source="{}",
        schema=None,
        profile="{}",
    )
    _meta(
        run / "outputs" / MODEL, source_type="RUN_OUTPUT", source_id=MODEL, destination_type="MODEL_OUTPUT", destination_id=MODEL,
        step=2, tags={},
    )  # fmt: skip
    model = root / "3" / "models" / MODEL
    _meta(
        model, model_id=MODEL, experiment_id="3", name="m", model_type="agent", status=2, source_run_id=RUN,
        creation_timestamp=60, last_updated_timestamp=61, artifact_location=f"{here}/3/models/{MODEL}/artifacts",
    )  # fmt: skip
    _pairs(model / "params", p="1")
    _pairs(model / "metrics", auc=f"70 0.5 1 {RUN}\n71 0.9 2 {RUN} train 81c3\n")
    _files(model / "artifacts", {"MLmodel": b"flavors: {}\n"})
    _registered(root / "models" / "delay", here)
    return root


def _registered(at: Path, here: str) -> None:
    _meta(at, name="delay", creation_timestamp=40, last_updated_timestamp=41, description="delays of flights")
    _pairs(at / "tags", owner="me")
    _pairs(at / "aliases", champion="3")
    source = f"{here}/3/{RUN}/artifacts/model"
    for number, stage, more in (
        (1, "Production", source),
        (2, "Deleted_Internal", "x"),
        (3, "None", f"models:/{MODEL}"),
    ):
        _meta(
            at / f"version-{number}", name="delay", version=number, current_stage=stage, source=more, run_id=RUN, status="READY",
            creation_timestamp=50 + number, last_updated_timestamp=55,
        )  # fmt: skip
    _pairs(at / "version-1" / "tags", n="1")
