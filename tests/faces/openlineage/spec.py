"""What OpenLineage 2-0-2 and the facets that we write ask for, as a JSON schema of our own.

Written from the specification (spec/OpenLineage.json and spec/facets of the OpenLineage project, as its own Python client
1.54 has them in `openlineage.client.generated`): required fields, types, formats and closed lists. Facets of ours must be no
facet of theirs. Facet objects are closed here, though the specification leaves them open: a misspelled field is a defect of ours.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

TEXT = {"type": "string", "minLength": 1}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
UUID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}
URI = {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:"}
BASE = {"_producer": URI, "_schemaURL": URI}


def shape(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {
        "type": "object", "properties": required | (optional or {}), "required": list(required), "additionalProperties": False,
    }  # fmt: skip


def facet(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """A facet."""
    return shape(BASE | required, optional)


def many(item: dict[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": item}


def facets(known: dict[str, Any]) -> dict[str, Any]:
    """Facets by name; ours begin with `loopline_` and are open."""
    ours = {"type": "object", "required": list(BASE), "properties": BASE}
    return {
        "type": "object",
        "properties": known,
        "patternProperties": {"^loopline_": ours},
        "additionalProperties": False,
    }


JOB_NAME = shape({"namespace": TEXT, "name": TEXT})
RUN_FACETS = facets({
    "parent": facet({"run": shape({"runId": UUID}), "job": JOB_NAME}),
    "nominalTime": facet({"nominalStartTime": TIME}, {"nominalEndTime": TIME}),
    "errorMessage": facet({"message": TEXT, "programmingLanguage": TEXT}, {"stackTrace": TEXT}),
    "processingEngine": facet({"version": TEXT}, {"name": TEXT, "openlineageAdapterVersion": TEXT}),
    "executionParameters": facet({"parameters": many(shape({"key": TEXT}, {"value": {"type": "string"}}))}),
    "tags": facet({"tags": many(shape({"key": TEXT, "value": {"type": "string"}}, {"source": TEXT}))}),
    "test": facet({"tests": many(shape(
        {"name": TEXT, "status": {"enum": ["pass", "fail", "skip"]}},
        {"severity": {"enum": ["error", "warn"]}, "type": TEXT, "actual": TEXT, "expected": TEXT},
    ))}),
})  # fmt: skip
JOB_FACETS = facets({
    "jobType": facet(
        {"processingType": {"enum": ["BATCH", "STREAMING", "SERVICE"]}, "integration": TEXT}, {"jobType": TEXT}
    ),
    "sourceCodeLocation": facet({"type": TEXT, "url": URI}, {"version": TEXT}),
})
DATASET_FACETS = facets({
    "version": facet({"datasetVersion": TEXT}),
    "schema": facet({"fields": many(shape({"name": TEXT}, {"type": {"type": "string"}}))}),
    "documentation": facet({"description": TEXT}),
    "symlinks": facet({"identifiers": many(shape({"namespace": TEXT, "name": TEXT, "type": TEXT}))}),
    "lifecycleStateChange": facet({
        "lifecycleStateChange": {"enum": ["ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"]}
    }),
})
DATASET = shape({"namespace": TEXT, "name": TEXT}, {"facets": DATASET_FACETS})
SCHEMA = {"type": "string", "pattern": r"/spec/2-0-2/OpenLineage\.json#/\$defs/"}
EVENT = {"eventTime": TIME, "producer": URI, "schemaURL": SCHEMA}
RUN = shape({"runId": UUID}, {"facets": RUN_FACETS})
JOB = shape({"namespace": TEXT, "name": TEXT}, {"facets": JOB_FACETS})
SCHEMAS = {
    "RunEvent": shape(
        EVENT | {"run": RUN, "job": JOB},
        {
            "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
            "inputs": many(DATASET), "outputs": many(DATASET),
        },
    ),
    "DatasetEvent": shape(EVENT | {"dataset": DATASET}),
}  # fmt: skip


def check(event: dict[str, Any]) -> None:
    """Hold an event against the schema that it names, and each facet against the name of its own schema."""
    kind = event["schemaURL"].rpartition("/")[2]
    Draft202012Validator(SCHEMAS[kind], format_checker=FormatChecker()).validate(event)
    for name, one in _facets(event):
        if name.startswith("loopline_"):
            continue
        file, _, definition = one["_schemaURL"].partition(".json#/$defs/")
        assert file.endswith(f"/{definition}"), one["_schemaURL"]
        assert definition.lower().startswith(("datasetversion" if name == "version" else name).lower())


def _facets(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [pair for one in value for pair in _facets(one)]
    if not isinstance(value, dict):
        return []
    here = list(value.get("facets", {}).items())
    return here + [pair for key, one in value.items() if key != "facets" for pair in _facets(one)]
