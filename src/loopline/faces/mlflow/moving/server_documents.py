"""server_documents: what a server of MLflow answers, as values. Numbers of 64 bits may be text, and what is empty is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.database_models import PLAIN, STATES, model_of
from loopline.faces.mlflow.moving.store import Dataset, Group, Logged, Made, Measured, Numbered, Registered, Told

Document = Mapping[str, Any]
_STATES = {said: PLAIN[number] for number, said in STATES.items()}


def pairs(rows: Sequence[Document] | None) -> dict[str, str]:
    """Give tags or params by key."""
    return {str(one["key"]): str(one.get("value", "")) for one in rows or ()}


def group_of(said: Document) -> Group:
    """Read an experiment."""
    return Group(
        str(said["experiment_id"]), str(said.get("name", "")), said.get("lifecycle_stage") == "deleted",
        int(said.get("creation_time") or 0), int(said.get("last_update_time") or 0), pairs(said.get("tags")),
        str(said.get("artifact_location", "")),
    )  # fmt: skip


def run_of(said: Document) -> Told:
    """Read a run."""
    info, data, read = said["info"], said.get("data", {}), said.get("inputs") or {}
    name, user, tags = store.named(info.get("run_name"), info.get("user_id"), pairs(data.get("tags")))
    return Told(
        str(info.get("run_id") or info["run_uuid"]), str(info["experiment_id"]), name, user, str(info.get("status", "RUNNING")),
        _time(info.get("start_time")), _time(info.get("end_time")), info.get("lifecycle_stage") == "deleted",
        str(info.get("artifact_uri", "")), pairs(data.get("params")), tags,
        tuple(_dataset(one) for one in read.get("dataset_inputs") or ()),
        tuple(Made(str(one["model_id"])) for one in read.get("model_inputs") or ()),
        tuple(
            Made(str(one["model_id"]), int(one.get("step", 0)))
            for one in (said.get("outputs") or {}).get("model_outputs") or ()
        ),
    )  # fmt: skip


def _dataset(said: Document) -> tuple[Dataset, Mapping[str, str]]:
    one = said["dataset"]
    parts = (str(one.get(key) or "") for key in ("name", "digest", "source_type", "source", "schema", "profile"))
    return Dataset(*parts), pairs(said.get("tags"))


def logged_of(said: Document) -> Logged:
    """Read a logged model."""
    info, data = said["info"], said.get("data") or {}
    return Logged(
        str(info["model_id"]), str(info["experiment_id"]), str(info.get("name", "")), str(info.get("model_type") or ""),
        _STATES.get(str(info.get("status")), "READY"),
        str(info.get("status_message") or ""), str(info.get("source_run_id") or ""), int(info.get("creation_timestamp_ms") or 0),
        int(info.get("last_updated_timestamp_ms") or 0), bool(info.get("deleted")), str(info.get("artifact_uri", "")),
        pairs(data.get("params")),
        pairs(info.get("tags")),
        tuple(
            Measured(
                str(one["key"]), store.number_of(one.get("value", 0.0)), int(one.get("step", 0)), int(one.get("timestamp", 0)),
                str(one.get("run_id") or ""), str(one.get("dataset_name") or ""), str(one.get("dataset_digest") or ""),
            )
            for one in data.get("metrics") or ()
        ),
    )  # fmt: skip


def registered_of(said: Document, versions: Sequence[Document]) -> Registered:
    """Read a registered model with its versions."""
    return Registered(
        str(said["name"]), str(said.get("description") or ""), int(said.get("creation_timestamp") or 0),
        int(said.get("last_updated_timestamp") or 0), pairs(said.get("tags")),
        {str(one["alias"]): int(one["version"]) for one in said.get("aliases") or ()},
        tuple(sorted(map(_version, versions), key=lambda one: one.number)),
    )  # fmt: skip


def _version(said: Document) -> Numbered:
    source = str(said.get("source") or "")
    return Numbered(
        int(said["version"]), str(said.get("description") or ""), str(said.get("user_id") or ""),
        str(said.get("current_stage") or "None"), source, str(said.get("run_id") or ""),
        str(said.get("model_id") or "") or model_of(source), str(said.get("status") or "READY"),
        str(said.get("status_message") or ""), int(said.get("creation_timestamp") or 0),
        int(said.get("last_updated_timestamp") or 0), "", pairs(said.get("tags")),
    )  # fmt: skip


def _time(value: Any) -> int | None:
    found = int(value) if value not in (None, "") else 0
    return found or None
