"""translate: an OpenLineage event into what the loop keeps of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from loopline.errors import Invalid
from loopline.faces.openlineage.wire import DATASET, RUN, facets_of, kind_of, time_of
from loopline.nouns.event import canonical
from loopline.nouns.name import parse_project
from loopline.nouns.run import RunState, reserved
from loopline.verbs.observing import Dataset, Noted, Observed

NAMESPACE: Final = "loopline://"
"""With a project behind it: the namespace of our jobs and of our assets."""
STATES: Final[Mapping[str, RunState]] = {
    "START": RunState.RUNNING,
    "RUNNING": RunState.RUNNING,
    "COMPLETE": RunState.FINISHED,
    "FAIL": RunState.FAILED,
    "ABORT": RunState.CANCELLED,
}
MAPPED: Final = {
    "parent", "nominalTime", "errorMessage", "processingEngine", "executionParameters", "tags", "jobType", "sourceCodeLocation",
    "ownership", "documentation",
}  # fmt: skip
"""Facets of runs and jobs that become something here. Of all others the names are kept in a tag, and the whole in the telling."""
_LONG: Final = 500
_OURS: Final = re.compile(r"change\Z|openlineage\.")
"""Names of tags that mean something here, besides those that are reserved: nobody else's tag may pass for one."""


def told(event: dict[str, Any], project: str) -> Observed | Noted:
    """Translate one event that `wire.event_of` has let through."""
    kind = kind_of(event)
    if kind == RUN:
        return _observed(event, project)
    about = event["dataset"] if kind == DATASET else event["job"]
    subject = f"{about['namespace']}/{about['name']}"
    payload: dict[str, Any] = {"producer": event["producer"], "facets": sorted(facets_of(about))}
    if kind != DATASET:
        for side in ("inputs", "outputs"):
            payload[side] = [f"{one['namespace']}/{one['name']}" for one in event.get(side) or ()]
    return Noted(f"{kind}.observed", subject, canonical(event), payload)


def project_of(event: dict[str, Any], default: str) -> str:
    """Give the project that an event belongs to: the one that a `loopline://` namespace names, else the one asked for."""
    about = event["dataset"] if kind_of(event) == DATASET else event["job"]
    named = str(about["namespace"])
    if not named.startswith(NAMESPACE):
        return default
    try:
        return parse_project(named.removeprefix(NAMESPACE))
    except Invalid:
        return default


def assets_of(event: dict[str, Any], project: str) -> list[str]:
    """Name the assets of a project that an event is about, as `kind/name`."""
    found = [*_datasets(event, "inputs", project), *_datasets(event, "outputs", project)]
    return sorted({one.asset.partition("@")[0] for one in found if one.asset})


def _observed(event: dict[str, Any], project: str) -> Observed:
    run, job = facets_of(event["run"]), facets_of(event["job"])
    said = event.get("eventType") or "OTHER"
    parent = run.get("parent", {}).get("run", {}).get("runId", "")
    nominal = run.get("nominalTime", {}).get("nominalStartTime")
    version = job.get("sourceCodeLocation", {}).get("version")
    return Observed(
        run=str(UUID(event["run"]["runId"])),
        name=event["job"]["name"],
        at=time_of(event["eventTime"]),
        told=canonical(event),
        what=said.lower(),
        state=STATES.get(said),
        began=said == "START",
        kind=_kind(job, parent=bool(parent)),
        experiment=event["job"]["namespace"],
        parent=_same(parent),
        error=_error(run),
        commit=version if isinstance(version, str) and version else None,
        event_time=time_of(nominal) if nominal else None,
        params=dict(_params(run)),
        tags=dict(_tags(event, run, job)),
        inputs=tuple(_datasets(event, "inputs", project)),
        outputs=tuple(_datasets(event, "outputs", project)),
    )


def _same(number: str) -> str:
    """Write a UUID in the one way that ids are compared in; another program's own kind of id stays as it is."""
    try:
        return str(UUID(number))
    except ValueError:
        return number


def _kind(job: Mapping[str, Any], *, parent: bool) -> str:
    said = str(job.get("jobType", {}).get("jobType") or "").upper()
    if said in ("DAG", "PIPELINE", "WORKFLOW"):
        return "pipeline"
    return "step" if parent else "run"


def _error(run: Mapping[str, Any]) -> str | None:
    said = run.get("errorMessage", {}).get("message")
    return str(said)[:4000] if said else None


def _params(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in _list(run.get("executionParameters", {}).get("parameters")):
        key, value = one.get("key") or one.get("name"), one.get("value")
        if isinstance(key, str) and key and value is not None:
            yield key[:_LONG], _written(value)


def _tags(event: Mapping[str, Any], run: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "openlineage.producer", event["producer"]
    engine = run.get("processingEngine", {})
    if engine.get("name") or engine.get("version"):
        yield "openlineage.engine", " ".join(str(engine[key]) for key in ("name", "version") if engine.get(key))
    if job.get("jobType", {}).get("integration"):
        yield "openlineage.integration", _written(job["jobType"]["integration"])
    for name, fields in (
        ("sourceCodeLocation", ("url", "repoUrl", "path", "branch")),
        ("documentation", ("description",)),
    ):
        for field in fields:
            if job.get(name, {}).get(field):
                yield f"openlineage.{field}", _written(job[name][field])
    owners = [str(one["name"]) for one in _list(job.get("ownership", {}).get("owners")) if one.get("name")]
    if owners:
        yield "openlineage.owners", ", ".join(owners)[:_LONG]
    if run.get("nominalTime", {}).get("nominalEndTime"):
        yield "openlineage.nominalEndTime", _written(run["nominalTime"]["nominalEndTime"])
    for one in (*_list(run.get("tags", {}).get("tags")), *_list(job.get("tags", {}).get("tags"))):
        if isinstance(one.get("key"), str) and one["key"]:
            key = one["key"][:_LONG]
            yield (f"openlineage.{key}" if reserved(key) or _OURS.match(key) else key), _written(one.get("value", ""))
    others = sorted({*run, *job} - MAPPED)
    if others:
        yield "openlineage.facets", ", ".join(others)[:_LONG]


def _datasets(event: Mapping[str, Any], side: str, project: str) -> Iterator[Dataset]:
    for one in event.get(side) or ():
        facets = facets_of(one)
        version = facets.get("version", facets.get("datasetVersion", {})).get("datasetVersion")
        number = _written(version) if version not in (None, "") else ""
        others = _list(facets.get("symlinks", {}).get("identifiers"))
        names = [(other.get("namespace"), str(other.get("name") or "")) for other in (one, *others)]
        ours = next((name for namespace, name in names if namespace == NAMESPACE + project and name), "")
        at = f"@{number}" if ours and number and "@" not in ours else ""
        yield Dataset(one["namespace"], one["name"], number, f"{ours}{at}")


def _list(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def name_of(project: str) -> str:
    """Give the namespace of a project."""
    return NAMESPACE + quote(project)
