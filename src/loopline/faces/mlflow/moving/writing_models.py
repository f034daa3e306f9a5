"""writing_models: logged and registered models in a folder that MLflow opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow.moving.database_models import PLAIN
from loopline.faces.mlflow.moving.files import write_meta
from loopline.faces.mlflow.moving.folder import MODELS
from loopline.faces.mlflow.moving.writing import copy, pairs
from loopline.faces.mlflow.registry import is_prompt

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import Folder, Logged, Numbered, Registered, Store

NUMBERS: Final = {status: number for number, status in PLAIN.items()}


def write_logged(at: Path, home: Path, told: Logged, folder: Folder | None, left: Left) -> None:
    """Write a logged model into the folder of its experiment; `home` is where that lies when it is not deleted."""
    to, name = at / MODELS / told.id, f"model {told.id}"
    (to / "artifacts").mkdir(parents=True, exist_ok=True)
    for kind, said in (("params", told.params), ("tags", told.tags)):
        (to / kind).mkdir(exist_ok=True)
        pairs(to / kind, said, left, name)
    lines: dict[str, str] = {}
    for one in told.metrics:
        data = f" {one.dataset} {one.digest}" if one.dataset else ""
        lines[one.key] = lines.get(one.key, "") + f"{one.time} {one.value!r} {one.step} {one.run}{data}\n"
    (to / "metrics").mkdir(exist_ok=True)
    pairs(to / "metrics", lines, left, name)
    if folder is not None:
        copy(folder, to / "artifacts")
    write_meta(to, {
        "artifact_location": str(home / MODELS / told.id / "artifacts"), "creation_timestamp": told.created,
        "experiment_id": at.name, "last_updated_timestamp": told.updated, "model_id": told.id, "model_type": told.kind or None,
        "name": told.name, "source_run_id": told.run or None, "status": NUMBERS[told.status],
        "status_message": told.message or None, **({"lifecycle_stage": "deleted"} if told.deleted else {}),
    })  # fmt: skip


def write_registered(at: Path, told: Registered, store: Store, homes: dict[str, str], left: Left) -> None:
    """Write a registered model with its versions; `homes` says where the files of logged models were written."""
    to, name = at / told.name, f"model {told.name}"
    pairs(to / "tags", told.tags, left, name)
    pairs(to / "aliases", {alias: str(number) for alias, number in told.aliases.items()}, left, name)
    for one in told.versions:
        own = to / f"version-{one.number}"
        pairs(own / "tags", one.tags, left, f"{name} {one.number}")
        write_meta(own, {"name": told.name, **_version(own, one, store, homes)})
    write_meta(to, {
        "aliases": {alias: str(number) for alias, number in told.aliases.items()}, "creation_timestamp": told.created,
        "description": told.description or None, "last_updated_timestamp": told.updated, "name": told.name,
    })  # fmt: skip


def _version(to: Path, told: Numbered, store: Store, homes: dict[str, str]) -> dict[str, Any]:
    """Write the files of a version where they are nobody else's, and give what is said of it."""
    if told.model in homes:
        source, location = f"models:/{told.model}", homes[told.model]
    elif is_prompt(told.tags):
        source = location = told.source or "dummy-source"
    else:
        source, location = told.source, str(to / "artifacts")
        folder = store.folder(told.location)
        if folder is not None:
            copy(folder, to / "artifacts")
        if not source or source.startswith(("mlflow-artifacts:", "models:")):
            source = location
    return {
        "creation_timestamp": told.created, "current_stage": told.stage, "description": told.description or None,
        "last_updated_timestamp": told.updated, "model_id": told.model or None, "run_id": told.run or None,
        "run_link": None, "source": source, "status": told.status, "status_message": told.message or None,
        "storage_location": location, "user_id": told.user or None, "version": told.number,
    }  # fmt: skip
