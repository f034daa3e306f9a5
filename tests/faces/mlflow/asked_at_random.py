"""What may be sent to each operation: its document filled with what is there, and anything else."""

from __future__ import annotations

import inspect
import json
import types
import typing
from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import strategies as st

from loopline.faces.mlflow.asking import Document
from loopline.faces.mlflow.operations import OPERATIONS
from loopline.faces.mlflow.wire_metrics import GetHistory
from loopline.faces.mlflow.wire_models import EndUpload
from loopline.faces.mlflow.wire_traces import OneTrace

from .conftest import V2, V3, Tracker

Known = dict[str, Any]
"""Values that mean something to a server, by the name of the field or of the place in a path."""
Key = tuple[str, str]


TRACE = "tr-" + "0" * 32
OWN = {
    ("GET", f"{V3}/traces/get"): OneTrace, ("GET", f"{V2}/metrics/get-history"): GetHistory,
    ("POST", "/api/2.0/mlflow-artifacts/mpu/complete/{path}"): EndUpload,
}  # fmt: skip
"""Documents of operations that wait for something or answer in pieces, and read theirs themselves."""
EITHER = {
    ("POST", f"{V2}/artifacts/presigned-upload-url"): "model_id",
    ("POST", f"{V2}/artifacts/presigned-download-url"): "model_id",
}
"""What is left out of a document that names one thing of two."""


def document_of(key: Key) -> type[Document] | None:
    """Give the document that an operation reads; None where it reads none, or something else than a document."""
    found = OWN.get(key) or inspect.getclosurevars(OPERATIONS[key]).nonlocals.get("body")
    return found if isinstance(found, type) and issubclass(found, Document) else None


def furnished(tracker: Tracker, **who: str) -> Known:
    """Put one of everything into a server, and give what it is called."""
    group = tracker.say("POST", "experiments/create", {"name": "delays"}, **who)["experiment_id"]
    run = tracker.say("POST", "runs/create", {"experiment_id": group, "start_time": 1}, **who)["run"]["info"]["run_id"]
    point = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
    tracker.say("POST", "runs/log-metric", point, **who)
    tracker.say("POST", "runs/set-tag", {"run_id": run, "key": "key", "value": "v"}, **who)
    for name in ("delay", "other"):
        tracker.say("POST", "registered-models/create", {"name": name}, **who)
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Hello"}]
    tracker.say("POST", "registered-models/create", {"name": "hello", "tags": prompt[:1]}, **who)
    version = {"name": "hello", "source": "prompt-template", "tags": prompt}
    tracker.say("POST", "model-versions/create", version, **who)
    tracker.say("POST", "registered-models/alias", {"name": "hello", "alias": "prod", "version": "1"}, **who)
    logged = tracker.say("POST", "logged-models", {"experiment_id": group, "name": "m", "source_run_id": run}, **who)
    events = [{"entity": "PROMPT", "action": "CREATED"}]
    hook = tracker.say("POST", "webhooks", {"name": "hook", "url": "http://127.0.0.1:9/x", "events": events}, **who)
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": group}}
    info = {"trace_id": TRACE, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
    trace = {"trace_info": info}
    tracker.say("POST", f"{V3}/traces", {"trace": trace}, **who)
    role = tracker.say("POST", f"{V3}/roles/create", {"workspace": "flights", "name": "ml"}, **who)["role"]
    return {
        "experiment_id": group, "experiment_ids": [group], "run_id": run, "run_uuid": run, "source_run_id": run, "name": "hello",
        "experiment_name": "delays", "new_name": "fresh", "version": "1", "key": "key", "tag_key": "key", "metric_key": "loss",
        "param": "p", "value": "1", "timestamp": 1, "alias": "prod", "stage": "Staging", "source": "prompt-template",
        "status": "FINISHED", "view_type": "ACTIVE_ONLY", "run_view_type": "ACTIVE_ONLY", "max_results": 5, "username": "vic",
        "resource_type": "workspace", "resource_id": "flights", "resource_pattern": "*", "permission": "READ",
        "workspace": "flights", "role_id": role["id"], "is_admin": False, "url": "http://127.0.0.1:9/x", "events": events,
        "entity": "PROMPT", "action": "CREATED", "model_id": logged["model"]["info"]["model_id"],
        "webhook_id": hook["webhook"]["webhook_id"], "path": "notes.txt", "upload_id": "u-1", "trace_id": TRACE, "trace": trace,
        "request_id": TRACE, "assessment_id": "a-1", "locations": [], "metrics": [], "params": [], "tags": [],
    }  # fmt: skip


def filled(key: Key, known: Known) -> dict[str, Any]:
    """Fill an operation's document with what is there, as far as that has the field's type."""
    said: dict[str, Any] = {}
    kind = document_of(key)
    for one in msgspec.structs.fields(kind) if kind else ():
        if one.name in known and EITHER.get(key) != one.name and _takes(one.type, known[one.name]):
            said[one.name] = known[one.name]
    return said


def _takes(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def address(path: str, known: Known, *names: str) -> str:
    """Fill the places of an address: with what is there, or with these names."""
    given = list(names)
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part == "{}":
            parts[index] = quote(given.pop(0), safe="") if given else quote(_place(parts[:index], known), safe="")
        elif part == "{path}":
            at = f"{known['experiment_id']}/{known['run_id']}/artifacts/notes.txt"
            parts[index] = quote(given.pop(0)) if given else at
    return "/".join(parts)


def _place(before: list[str], known: Known) -> str:
    word = next(word for word in reversed(before) if word != "")
    return str({
        "logged-models": known["model_id"], "webhooks": known["webhook_id"], "workspaces": "flights", "tags": "key",
        "traces": known["trace_id"], "assessments": known["assessment_id"],
    }.get(word, "x"))  # fmt: skip


TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "\0", "\ud800", "a b", "a%20b", "../x", "x" * 9_000, "NaN", "1e999", "💥", "0"]),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), TEXTS, st.integers(-(2**70), 2**70), st.floats(),
    st.sampled_from([2**63, -(2**63) - 1, 2**31, -1, 0, 10**400]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
RAW = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"null", b"[]", b'""', b"7", b"{", b'{"a":1,"a":2}', b"[" * 100_000, b'{"a":' * 100_000]),
)  # fmt: skip
TEMPLATES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
    "application/json; charset=utf-16",
)


def of_type(kind: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Give values of a field's type, now and then anything."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(of_type(one, depth) for one in inner))
    if origin in (list, tuple):
        return st.lists(of_type(inner[0], depth + 1), max_size=2)
    if origin is dict:
        return st.dictionaries(TEXTS, of_type(inner[1], depth + 1), max_size=2)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {one.name: of_type(one.type, depth + 1) for one in msgspec.structs.fields(kind)} if depth < 3 else {}
        return st.fixed_dictionaries({}, optional=fields)
    simple = {
        str: TEXTS,
        int: st.integers(-(2**70), 2**70),
        float: st.floats(),
        bool: st.booleans(),
        type(None): st.none(),
    }
    return simple.get(kind, ANYTHING)


@st.composite
def bodies(draw: st.DrawFn, key: Key, known: Known) -> dict[str, Any]:
    """Give a document that is right but for some fields, which are of the right type or anything."""
    said, kind = filled(key, known), document_of(key)
    fields = list(msgspec.structs.fields(kind)) if kind else []
    for one in draw(st.lists(st.sampled_from(fields), max_size=3)) if fields else ():
        said[one.name] = draw(st.one_of(of_type(one.type), ANYTHING))
    return said


def written(said: Any) -> bytes:
    """Write JSON as a careless client does: NaN bare, halves of signs escaped."""
    return json.dumps(said).encode()


def asked(query: dict[str, Any]) -> str:
    """Write a query, of text that has an encoding."""
    pairs = []
    for name, value in query.items():
        for one in value if isinstance(value, list) else [value]:
            text = one if isinstance(one, str) else json.dumps(one)
            pairs.append(f"{quote(name, errors='replace')}={quote(text[:2_000], safe='', errors='replace')}")
    return "&".join(pairs)
