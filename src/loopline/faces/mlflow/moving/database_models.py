"""database_models: logged and registered models of a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.store import Group, Logged, Measured, Numbered, Registered

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.database import Tables

STATES: Final = {
    0: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
"""What stands for the state of a logged model, in databases, folders and documents."""
PLAIN: Final = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}


def logged(tables: Tables, group: Group) -> Iterator[Logged]:
    """Give the logged models of an experiment, by id; a page of them is read at once."""
    columns = (
        "model_id", "name", "model_type", "status", "status_message", "source_run_id", "creation_timestamp_ms",
        "last_updated_timestamp_ms", "lifecycle_stage", "artifact_location",
    )  # fmt: skip
    last = ""
    while True:
        where = f"WHERE experiment_id = ? AND model_id > ? ORDER BY model_id LIMIT {store.RUNS}"
        rows = list(tables.select("logged_models", columns, where, int(group.id), last))
        if not rows:
            return
        ids = [row[0] for row in rows]
        last = ids[-1]
        params = tables.tags("logged_model_params", "model_id", ids, key="param_key", value="param_value")
        tags = tables.tags("logged_model_tags", "model_id", ids, key="tag_key", value="tag_value")
        metrics = _measured(tables, ids)
        for number, name, kind, status, message, run, created, updated, stage, location in rows:
            yield Logged(
                number, group.id, name or "", kind or "", PLAIN.get(status, "READY"), message or "", run or "", created or 0,
                updated or 0, stage == "deleted", location or "", params.get(number, {}), tags.get(number, {}),
                tuple(metrics.get(number, ())),
            )  # fmt: skip


def _measured(tables: Tables, ids: list[str]) -> dict[str, list[Measured]]:
    columns = (
        "model_id", "metric_name", "metric_value", "metric_step", "metric_timestamp_ms", "run_id", "dataset_name",
        "dataset_digest",
    )  # fmt: skip
    where = f"WHERE model_id IN ({', '.join('?' * len(ids))})"
    found: dict[str, list[Measured]] = defaultdict(list)
    for model, key, value, step, time, run, dataset, digest in tables.select(
        "logged_model_metrics", columns, where, *ids
    ):
        found[model].append(
            Measured(key, store.number_of(value), step or 0, time or 0, run or "", dataset or "", digest or "")
        )
    return found


def registered(tables: Tables) -> Iterator[Registered]:
    """Give the registered models, by name."""
    columns = ("name", "description", "creation_time", "last_updated_time")
    for name, text, created, updated in list(tables.select("registered_models", columns, "ORDER BY name")):
        aliases = tables.select("registered_model_aliases", ("alias", "version"), "WHERE name = ? ORDER BY alias", name)
        yield Registered(
            name, text or "", created or 0, updated or 0,
            tables.tags("registered_model_tags", "name", [name]).get(name, {}),
            {alias: int(number) for alias, number in aliases}, tuple(_versions(tables, name)),
        )  # fmt: skip


def _versions(tables: Tables, name: str) -> Iterator[Numbered]:
    columns = (
        "version", "description", "user_id", "current_stage", "source", "run_id", "status", "status_message", "creation_time",
        "last_updated_time", "storage_location",
    )  # fmt: skip
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in tables.select("model_version_tags", ("version", "key", "value"), "WHERE name = ?", name):
        tags[number][key] = value or ""
    for row in list(tables.select("model_versions", columns, "WHERE name = ? ORDER BY version", name)):
        if row[3] == store.GONE:
            continue
        number, text, user, stage, source, run, status, message, created, updated, location = row
        yield Numbered(
            int(number), text or "", user or "", stage or "None", source or "", run or "", model_of(source), status or "READY",
            message or "", created or 0, updated or 0, location or "", tags.get(number, {}),
        )  # fmt: skip


def model_of(source: str | None) -> str:
    """Give the logged model that a source names: `models:/m-…`."""
    found = (source or "").removeprefix("models:/")
    return found if found != source and found.startswith("m-") and "/" not in found else ""
