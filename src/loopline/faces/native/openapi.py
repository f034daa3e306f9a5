"""openapi: the document of everything that is spoken below /api/v1, made from signatures and return types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from loopline.faces.native.answers import json
from loopline.faces.native.others import paths as other_paths
from loopline.faces.native.schema import PLACE, Schema, Schemas
from loopline.faces.native.statuses import WRONG, of_verb
from loopline.faces.native.wire import usage_for
from loopline.faces.problem import encoded
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task
from loopline.verbs import VERBS, Verb
from loopline.verbs.paging import PAGED

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.verbs.usage import Param, Usage

JSON: Final = "application/json"
_KEY: Final[Schema] = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Makes the request safe to send again for a day: the first answer comes again, with Idempotency-Replayed.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$", "minLength": 1, "maxLength": 200},
}  # fmt: skip
_DRY: Final[Schema] = {
    "name": "Loopline-Dry-Run", "in": "header", "required": False,
    "description": "Apply every rule, answer what would be, change nothing.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}  # fmt: skip
_QUEUE: Final[Schema] = {
    "name": "queue", "in": "query", "required": False, "description": "Whose workers do it.",
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,99}$", "default": "default"},
}  # fmt: skip
_PROJECT: Final[Schema] = {
    "name": "project", "in": "query", "required": False, "description": "The server's own project where none is named.",
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,99}$"}, "example": "flights",
}  # fmt: skip


async def openapi(_: Request) -> Response:
    """Give the document."""
    return json(_encoded())


@cache
def document() -> Schema:
    """Make the document. It is the same for everybody, and made once."""
    from importlib.metadata import version

    schemas = Schemas()
    paths = {f"/api/v1/{verb.name}": _verb(schemas, verb) for verb in VERBS if verb.cls != "local"}
    task = schemas.given(Task)
    schemas.given(Progress)
    paths |= other_paths(task)
    schemas.components["Problem"] = _PROBLEM
    for path in paths.values():
        for name, operation in path.items():
            if name != "parameters":
                for status in operation.pop("x-also"):
                    operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Loopline",
            "version": version("loopline"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}, {}],
        "tags": [{"name": name} for name in dict.fromkeys(verb.group for verb in VERBS)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {f"Problem{status}": _problem(text) for status, text in WRONG.items()},
            "parameters": {"project": _PROJECT, "key": _KEY, "dry": _DRY, "queue": _QUEUE},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of `loopline issue`."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "loopline_session",
                    "description": "A browser's.",
                },
            },
        },
    }


@cache
def _encoded() -> bytes:
    return encoded(document())


def _verb(schemas: Schemas, verb: Verb) -> Schema:
    usage = usage_for(verb.name)
    operation: Schema = {
        "operationId": verb.name,
        "tags": [verb.group],
        "summary": usage.summary,
        "description": "\n\n".join(part for part in (usage.text, _on_paging(verb)) if part),
        "x-loopline-command": usage.example,
        "parameters": [{"$ref": "#/components/parameters/project"}],
        "x-also": of_verb(verb, usage),
    }
    if verb.cls == "read":
        operation["parameters"] += [_query(schemas, param) for param in usage.params]
        operation["responses"] = {"200": _answer(_result(schemas, verb, usage), "What the verb gave.")}
        return {"get": operation}
    operation["parameters"].append({"$ref": "#/components/parameters/key"})
    if verb.cls == "write":
        operation["parameters"].append({"$ref": "#/components/parameters/dry"})
    operation["requestBody"] = _body(schemas, usage)
    if verb.cls == "write":
        operation["responses"] = {"200": _answer(_result(schemas, verb, usage), "What the verb gave.")}
    else:
        operation["parameters"].append({"$ref": "#/components/parameters/queue"})
        operation["responses"] = {"202": _queued(schemas)}
        schemas.given(usage.returns)
    return {"post": operation}


def _query(schemas: Schemas, param: Param) -> Schema:
    schema = schemas.taken(param, text=True)
    found: Schema = {
        "name": param.name, "in": "query", "required": param.required, "schema": schema,
        "description": schema.pop("description", ""),
    }  # fmt: skip
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": True}
        if param.required:
            schema["minItems"] = 1
    return found


def _body(schemas: Schemas, usage: Usage) -> Schema:
    needed = [param.name for param in usage.params if param.required]
    properties = {param.name.rstrip("_"): schemas.taken(param, text=False) for param in usage.params}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed:
        schema["required"] = needed
    return {"required": bool(needed), "content": {JSON: {"schema": schema}}}


def _result(schemas: Schemas, verb: Verb, usage: Usage) -> Schema:
    properties: Schema = {"result": schemas.given(usage.returns)}
    if verb.name in PAGED:
        properties["next"] = {
            "description": "Where the next page begins; null on the last one.", "anyOf": [{"type": "string"}, {"type": "null"}],
        }  # fmt: skip
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _queued(schemas: Schemas) -> Schema:
    schema = {
        "type": "object", "required": ["task", "run"], "additionalProperties": False,
        "properties": {
            "task": schemas.given(Task),
            "run": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "The run it begins; else null."},
        },
    }  # fmt: skip
    found = _answer(schema, "The work waits for a worker.")
    found["headers"] = {"Location": {"description": "The task's address.", "schema": {"type": "string"}}}
    return found


def _on_paging(verb: Verb) -> str:
    if verb.name == "feed":
        return "Paged: send `next` as `before`, or as `after` where the question had `after`."
    if verb.name == "search":
        return "Paged where it is asked for one `kind`: send `next` as `after`. Else `next` is null."
    return "Paged: send `next` as `after` to go on." if verb.name in PAGED else ""


def _answer(schema: Schema, text: str) -> Schema:
    return {"description": text, "content": {JSON: {"schema": schema}}}


def _problem(text: str) -> Schema:
    return {"description": text, "content": {"application/problem+json": {"schema": {"$ref": PLACE + "Problem"}}}}


_ABOUT: Final = (
    "Every verb of Loopline over HTTP. A *read* is a GET, paged by `after` and `next`; a *write* is a POST of one transaction,"
    " safe to repeat under an Idempotency-Key; *work* is answered 202 with a task that a worker carries out. Bodies carry"
    " digests, never bytes: these go through /api/v1/blobs. Errors are problems by RFC 9457: each"
    " operation names those that it can answer, and a method that an address does not have is answered 405 with Allow."
)
_PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "What went wrong, by RFC 9457. Kinds never change their meaning.",
    "properties": {
        "title": {
            "enum": ["Invalid", "NotFound", "Conflict", "Refused", "Unavailable", "Unexpected"],
            "description": "The class, by what to do next.",
        },
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "kind": {"type": "string", "description": "A word for programs.", "examples": ["ref-moved"]},
        "hint": {"type": "string", "description": "One next step."},
        "facts": {"type": "object", "description": "The values that it is about."},
    },
    "required": ["title", "status", "detail", "kind", "hint", "facts"],
    "additionalProperties": False,
}
