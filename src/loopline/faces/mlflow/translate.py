"""translate: nouns into the protocol's documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from loopline.faces.mlflow.asking import number
from loopline.faces.mlflow.naming import STATUS, experiment_id, experiment_name, tag_told

if TYPE_CHECKING:
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.run import Point, Run

SCHEME = "mlflow-artifacts:"
"""Of addresses below which clients find artifacts: they ask this server for them."""


def ms(time: int | None) -> int:
    """Give microseconds as milliseconds; 0 for none."""
    return (time or 0) // 1000


def us(time: int | None) -> int | None:
    """Give milliseconds as microseconds. What does not fit into 64 bits is taken for none."""
    return None if time is None or abs(time) > 2**53 else time * 1000


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Give tags or params."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def experiment(one: Experiment) -> dict[str, Any]:
    """Give an experiment."""
    said = experiment_id(one)
    return {
        "experiment_id": said,
        "name": experiment_name(one.name),
        "artifact_location": f"{SCHEME}/{said}",
        "lifecycle_stage": "deleted" if one.deleted_at else "active",
        "last_update_time": ms(one.updated_at),
        "creation_time": ms(one.created_at),
        "tags": pairs(one.tags),
    }


def metric(point: Point) -> dict[str, Any]:
    """Give a point of a series."""
    return {"key": point.key, "value": number(point.value), "timestamp": ms(point.time), "step": point.step}


def run_info(run: Run, group: str, *, deleted: bool) -> dict[str, Any]:
    """Give what a run is; `group` is the number of its experiment."""
    found = {
        "run_uuid": run.id,
        "run_id": run.id,
        "run_name": run.name,
        "experiment_id": group,
        "user_id": run.tags.get("mlflow.user", run.actor),
        "status": STATUS[run.state],
        "start_time": ms(run.started_at),
        "artifact_uri": f"{SCHEME}/{group}/{run.id}/artifacts",
        "lifecycle_stage": "deleted" if deleted else "active",
    }
    if run.ended_at is not None:
        found["end_time"] = ms(run.ended_at)
    return found


def run_tags(run: Run) -> dict[str, str]:
    """Give a run's tags as clients see them, with what the ledger keeps elsewhere."""
    tags = {"mlflow.runName": run.name}
    if run.parent:
        tags["mlflow.parentRunId"] = run.parent
    if run.commit and "mlflow.source.git.commit" not in run.tags:
        tags["mlflow.source.git.commit"] = run.commit
    return {**tags, **{tag_told(key): value for key, value in run.tags.items()}}


def run(
    one: Run,
    points: Iterable[Point],
    group: str,
    *,
    deleted: bool,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> dict[str, Any]:
    """Give a whole run."""
    return {
        "info": run_info(one, group, deleted=deleted),
        "data": {
            "metrics": [metric(point) for point in points],
            "params": pairs(one.params),
            "tags": pairs(run_tags(one)),
        },
        "inputs": inputs,
        "outputs": outputs,
    }
