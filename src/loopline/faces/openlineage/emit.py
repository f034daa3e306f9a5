"""emit: events of the feed as OpenLineage events (2-0-2), for subscriptions of that format.

Runs and steps become RunEvents, versions and moves of refs DatasetEvents. What other programs have told of their own runs is
not told on: two servers that listen to each other would never stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as version_of
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from loopline.errors import LooplineError
from loopline.faces.openlineage.translate import name_of
from loopline.nouns.event import Event
from loopline.nouns.name import AssetName, Pointer, parse_asset, parse_pointer
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.verdict import Result
from loopline.nouns.version import Version

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables

SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
FACETS: Final = {
    "parent": "1-2-0/ParentRunFacet", "nominalTime": "1-0-1/NominalTimeRunFacet", "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processingEngine": "1-1-1/ProcessingEngineRunFacet", "executionParameters": "1-0-0/ExecutionParametersRunFacet",
    "tags": "1-0-0/TagsRunFacet", "test": "1-0-1/TestRunFacet", "jobType": "2-0-4/JobTypeJobFacet",
    "sourceCodeLocation": "1-1-0/SourceCodeLocationJobFacet", "version": "1-0-1/DatasetVersionDatasetFacet",
    "schema": "1-2-0/SchemaDatasetFacet", "lifecycleStateChange": "1-0-1/LifecycleStateChangeDatasetFacet",
    "symlinks": "1-0-1/SymlinksDatasetFacet", "documentation": "1-1-0/DocumentationDatasetFacet",
}  # fmt: skip
"""Each facet and the version of its schema that it follows."""
VERSION: Final = version_of("loopline")
PRODUCER: Final = f"https://pypi.org/project/loopline/{VERSION}"
ENDS: Final[Mapping[RunState, str]] = {
    RunState.FINISHED: "COMPLETE",
    RunState.CACHED: "COMPLETE",
    RunState.FAILED: "FAIL",
    RunState.CRASHED: "FAIL",
    RunState.CANCELLED: "ABORT",
}
_LONG: Final = 500
_DROPPED: Final = ("observed.", "key", "log")
"""Beginnings of tags that name blobs, which nobody outside can read."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def emit(tx: Tables, event: Event) -> list[dict[str, Any]]:
    """Give what an event means in OpenLineage: often one event, sometimes several, or none."""
    payload = event.payload
    if payload is None or "observed" in payload:
        return []
    match event.kind:
        case "run.started":
            return [_run(tx, event, run, "START") for run in _found(tx, event.subject)]
        case "run.finished":
            return [_run(tx, event, run, ENDS[run.state]) for run in _found(tx, event.subject) if run.state.over]
        case "run.logged" if payload.get("inputs") or payload.get("outputs"):
            return [_run(tx, event, run, _later(event, run)) for run in _found(tx, event.subject)]
        case "run.published":
            return [_run(tx, event, run, "OTHER") for run in _found(tx, event.subject)]
        case "steps.started" | "steps.cached" | "steps.ended":
            return list(_steps(tx, event, payload))
        case "check.answered" if payload.get("run"):
            tests = [_test(payload)]
            return [_run(tx, event, run, "OTHER", test={"tests": tests}) for run in _found(tx, str(payload["run"]))]
        case "version.published":
            return list(_published(tx, event))
        case "change.applied":
            return [_moved(tx, event, move) for move in payload.get("moves", ())]
        case _:
            return []


def _later(event: Event, run: Run) -> str:
    """Name what is told between start and end, or after it; it is written with what is known by now, but not called by that."""
    return "OTHER" if run.ended_at is not None and event.recorded_at > run.ended_at else "RUNNING"


def _found(tx: Tables, number: str) -> list[Run]:
    run = tx.runs.find(number)
    return [run] if run else []


def _steps(tx: Tables, event: Event, payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = set(payload.get("steps", ()))
    for step in tx.runs.children(event.subject):
        if step.name not in names:
            continue
        if event.kind != "steps.ended":
            yield _run(tx, event, step, "START")
        if event.kind != "steps.started" and step.state.over:
            yield _run(tx, event, step, ENDS[step.state])


def _run(tx: Tables, event: Event, run: Run, said: str, **more: dict[str, Any]) -> dict[str, Any]:
    """Write one run event, with what is known of the run by now."""
    around = tx.runs.around(run)
    time = {"START": run.started_at, "COMPLETE": run.ended_at, "FAIL": run.ended_at, "ABORT": run.ended_at}.get(said)
    ended = said != "START"
    facets = dict(_run_facets(event, run, around, ended=ended)) | more
    return _event("RunEvent", time or event.recorded_at) | {
        "eventType": said,
        "run": {"runId": _number(run), "facets": _written(facets)},
        "job": {**_job(run, around), "facets": _written(dict(_job_facets(run)))},
        "inputs": [_dataset(tx, run.project, link) for link in run.inputs],
        "outputs": [_dataset(tx, run.project, link) for link in run.outputs] if ended else [],
    }


def _run_facets(event: Event, run: Run, around: Run | None, *, ended: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "processingEngine", {
        "version": VERSION, "name": "Loopline", "openlineageAdapterVersion": VERSION
    }  # fmt: skip
    if around is not None:
        yield "parent", {"run": {"runId": _number(around)}, "job": _job(around, None)}
    if event.event_time is not None:
        yield "nominalTime", {"nominalStartTime": _time(event.event_time)}
    if ended and run.error:
        yield "errorMessage", {"message": run.error, "programmingLanguage": "PYTHON"}
    if run.params:
        yield "executionParameters", {"parameters": [{"key": key, "value": one} for key, one in run.params.items()]}
    tags = {key: one for key, one in run.tags.items() if not key.startswith(_DROPPED) and len(one) <= _LONG}
    if tags:
        yield "tags", {"tags": [{"key": key, "value": one, "source": "LOOPLINE"} for key, one in tags.items()]}
    about = {
        "state": str(run.state), "kind": run.kind, "experiment": run.experiment, "actor": run.actor, "code": run.code,
        "environment": run.environment, "cacheKey": run.cache_key, "origin": run.origin,
        "metrics": {key: one for key, one in run.metrics.items() if isfinite(one)} if ended else {},
    }  # fmt: skip
    yield "loopline_run", {key: one for key, one in about.items() if one}


def _job_facets(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "jobType", {"processingType": "BATCH", "integration": "LOOPLINE", "jobType": run.kind.upper()}
    if run.commit and run.code:
        url = f"{name_of(run.project)}/code/{run.project}@{run.code}"
        yield "sourceCodeLocation", {"type": "git", "url": url, "version": run.commit}


def _job(run: Run, around: Run | None) -> dict[str, Any]:
    """Name the job that a run is one of; a step is one of its pipeline's."""
    return {"namespace": name_of(run.project), "name": f"{around.name}.{run.name}" if around else run.name}


def _number(run: Run) -> str:
    """Give a run's id as a UUID; one that another program began keeps that program's."""
    try:
        return str(UUID(run.foreign_id or run.id))
    except ValueError:
        return str(UUID(run.id))


def _dataset(tx: Tables, project: str, link: Link) -> dict[str, Any]:
    """Write what a run read or made: a version of an asset, or bytes by their digest."""
    if link.asset is None or link.number is None:
        versions = tx.versions.by_digest(project, link.digest)
        if versions:  # it was published later
            return _version(versions[-1].asset, versions[-1].number, versions[-1])
        return {"namespace": name_of(project), "name": link.digest, "facets": {}}
    asset = parse_asset(link.asset, project=project)
    return _version(asset, link.number, tx.versions.find(asset, link.number))


def _version(asset: AssetName, number: int, version: Version | None) -> dict[str, Any]:
    facets: dict[str, Any] = {"version": {"datasetVersion": str(number)}}
    if version is not None:
        fields = list(_fields(version.metadata))
        if fields:
            facets["schema"] = {"fields": fields}
        if version.message:
            facets["documentation"] = {"description": version.message}
        facets["loopline_artifact"] = {"digest": version.artifact.digest, "mediaType": version.artifact.media_type}
    return {"namespace": name_of(asset.project), "name": str(asset), "facets": _written(facets)}


def _fields(metadata: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Give the columns that a version says it has: `schema`, a list of names and types, or what a model's signature takes."""
    signature = metadata.get("signature")
    said = metadata.get("schema") or (signature.get("inputs") if isinstance(signature, Mapping) else None)
    for one in said if isinstance(said, Iterable) and not isinstance(said, (str, Mapping)) else ():
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            yield {"name": one["name"], "type": str(one.get("type", ""))}


def _published(tx: Tables, event: Event) -> Iterator[dict[str, Any]]:
    try:
        pointer = parse_pointer(event.subject, project=event.project)
        version = tx.versions.resolve(pointer)
    except LooplineError:
        return  # it was deleted since
    dataset = _version(version.asset, version.number, version)
    dataset["facets"] |= _written({"lifecycleStateChange": {"lifecycleStateChange": _life(version.number > 1)}})
    yield _event("DatasetEvent", event.recorded_at) | {"dataset": dataset}


def _moved(tx: Tables, event: Event, move: Mapping[str, Any]) -> dict[str, Any]:
    """Write the move of a ref: the dataset is what is current under that name."""
    old, new = move.get("old"), move.get("new")
    pointer: Pointer = parse_pointer(str(move["ref"]), project=event.project)
    dataset: dict[str, Any] = {"namespace": name_of(event.project), "name": "", "facets": {}}
    if new is not None:
        dataset = _version(pointer.asset, new, tx.versions.find(pointer.asset, new))
    payload = event.payload or {}
    about = {
        "ref": str(move["ref"]), "old": old, "new": new, "change": event.subject, "reason": payload.get("reason"),
        "kind": payload.get("kind"), "actor": event.actor,
    }  # fmt: skip
    asset = {"namespace": name_of(event.project), "name": str(pointer.asset), "type": "ASSET"}
    life = "DROP" if new is None else _life(old is not None)
    dataset["name"] = str(move["ref"])
    dataset["facets"] |= _written({
        "lifecycleStateChange": {"lifecycleStateChange": life},
        "symlinks": {"identifiers": [asset]},
        "loopline_change": {key: one for key, one in about.items() if one is not None},
    })
    return _event("DatasetEvent", event.recorded_at) | {"dataset": dataset}


def _life(before: bool) -> str:  # noqa: FBT001 (one question)
    return "OVERWRITE" if before else "CREATE"


def _test(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Write a check's verdict. It passes, fails, or (as nobody may read an error as a pass) was not carried out."""
    said = {Result.PASS: "pass", Result.FAIL: "fail"}.get(Result(str(payload["result"])), "skip")
    return {
        "name": str(payload["check"]),
        "status": said,
        "severity": "error",
        "type": "check",
        "actual": str(payload["result"]),
    }


def _event(kind: str, time: int) -> dict[str, Any]:
    return {"eventTime": _time(time), "producer": PRODUCER, "schemaURL": f"{SPEC}{kind}"}


def _written(facets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: {"_producer": PRODUCER, "_schemaURL": _schema(name), **facet} for name, facet in facets.items()}


def _schema(name: str) -> str:
    known = FACETS.get(name)
    if known is None:
        return f"{SPEC}BaseFacet"
    return f"https://openlineage.io/spec/facets/{known}.json#/$defs/{known.partition('/')[2]}"


def _time(time: int) -> str:
    moment = EPOCH + timedelta(microseconds=time)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
