"""others: what the document says of addresses below /api/v1 that are no verbs."""

from __future__ import annotations

from typing import Any, Final

from loopline.faces.native.schema import PLACE, Schema
from loopline.faces.native.statuses import of_other

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
_DIGEST: Final[Schema] = {"$ref": PLACE + "Digest"}
_PROJECT: Final[Schema] = {"$ref": "#/components/parameters/project"}
_BLOB: Final[Schema] = {"name": "digest", "in": "path", "required": True, "schema": _DIGEST}
_UPLOAD: Final[Schema] = {
    "name": "upload", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}  # fmt: skip
_TASK: Final[Schema] = {
    "name": "task", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}  # fmt: skip
_TEXT: Final[Schema] = {"schema": {"type": "string"}}
_OFFSET: Final[Schema] = {"description": "How many bytes have come.", "schema": {"type": "integer", "minimum": 0}}
_FRAMES: Final = "Again and again: eight bytes of length, big-endian, then as many bytes."


def paths(task: Schema) -> dict[str, Schema]:
    """Give their path items; `task` is how a task is described."""
    return {
        **_blobs(),
        **_uploads(),
        **_streams(task),
        **_login(),
        **_lineage(),
        "/api/v1/openapi.json": {"get": _document()},
    }


def _blobs() -> dict[str, Schema]:
    digests = _object({"digests": {"type": "array", "items": _DIGEST, "maxItems": 10_000}})
    named = _object({"digests": {"type": "array", "items": _DIGEST}})
    kept = _object({"digest": _DIGEST, "size": {"type": "integer"}})
    return {
        "/api/v1/blobs/missing": {
            "post": _op(
                "blobs_missing", "Tell which of some blobs the project does not hold: those must be sent.",
                {"200": _json(_object({"missing": {"type": "array", "items": _DIGEST}}), "What to send.")},
                body=_takes(digests), also=("507",),
            )
        },
        "/api/v1/blobs/pack": {
            "post": _op(
                "blobs_pack", "Send many small blobs at once.", {"200": _json(named, "Their digests, in order.")},
                text=_FRAMES, body=_takes_bytes(BYTES), also=("507",),
            )
        },
        "/api/v1/blobs/fetch": {
            "post": _op(
                "blobs_fetch", "Get many small blobs at once, in the order asked.",
                {"200": _bytes("The blobs in frames.")}, text=_FRAMES, body=_takes(digests),
                also=("404", "507"),
            )
        },
        "/api/v1/blobs/{digest}/pieces": {
            "parameters": [_BLOB],
            "get": _op(
                "blob_pieces", "Get the sums of a large blob's pieces, by which ranges of it are verified.",
                {"200": _bytes("The sums."), "204": {"description": "It has none: it is small, or kept elsewhere."}},
                also=("404", "507"),
            ),
        },
        "/api/v1/blobs/{digest}": {
            "parameters": [_BLOB],
            "get": _op(
                "blob_get", "Get a blob, or a range of it.",
                {"200": _bytes("The blob."), "206": _bytes("One range of it."), "304": {"description": "You have it."}},
                headers=("Range", "If-Range", "If-None-Match"), also=("404", "507"),
            ),
            "head": _op(
                "blob_head", "Tell how large a blob is.",
                {
                    "200": {"description": "It is here."}, "206": {"description": "The range is."},
                    "304": {"description": "You have it."},
                },
                headers=("Range", "If-Range", "If-None-Match"), also=("404", "507"),
            ),
            "put": _op(
                "blob_put", "Send a blob. It is kept only if it is what its digest says.",
                {"200": _json(kept, "The project held it."), "201": _json(kept, "The project holds it now.")},
                body=_takes_bytes(BYTES), also=("507",),
            ),
        },
    }  # fmt: skip


def _uploads() -> dict[str, Schema]:
    begun = _object({"upload": {"type": "string"}, "location": {"type": "string"}, "offset": {"type": "integer"}})
    headers = {"Upload-Offset": _OFFSET, "Upload-Length": {"schema": {"type": "integer"}}}
    place = {
        "name": "Upload-Offset", "in": "header", "required": True, "description": "Where this piece begins.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    }  # fmt: skip
    alone = ("404", "409", "507")  # another request may be at it
    wanted = _object({"digest": _DIGEST, "size": {"type": "integer", "minimum": 0}})
    return {
        "/api/v1/uploads": {
            "post": _op(
                "upload_begin", "Begin a blob that comes in pieces.",
                {"201": _json(begun, "Send it to Location.") | {"headers": {"Location": _TEXT, **headers}}},
                text="After the core protocol of tus 1.0: what was cut goes on at Upload-Offset.", body=_takes(wanted),
                also=("507",),
            )
        },
        "/api/v1/uploads/{upload}": {
            "parameters": [_UPLOAD],
            "head": _op(
                "upload_head", "Tell how far an upload is.", {"200": {"description": "So far.", "headers": headers}},
                also=alone,
            ),
            "patch": _op(
                "upload_append", "Send the next piece. The last one makes it a blob.",
                {"204": {"description": "It has come.", "headers": headers}}, parameters=[place],
                body=_takes_bytes("application/offset+octet-stream"), also=alone,
            ),
            "delete": _op(
                "upload_drop", "Forget an upload.", {"204": {"description": "It is forgotten."}}, also=alone
            ),
        },
    }  # fmt: skip


def _streams(task: Schema) -> dict[str, Schema]:
    stream = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
    after = {
        "name": "after", "in": "query", "required": False, "description": "Number of the last event that is known.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    }  # fmt: skip
    return {
        "/api/v1/tasks/{task}": {
            "parameters": [_TASK],
            "get": _op(
                "task_get", "Tell how far work is.", {"200": _json(_object({"result": task}), "The task.")}, also=("404",)
            ),
        },
        "/api/v1/tasks/{task}/events": {
            "parameters": [_TASK],
            "get": _op(
                "task_events", "Follow work to its end.",
                {"200": {"description": "`progress` (a Progress) as it goes on, `task` (the Task) at the end.", **stream}},
                also=("404",),
            ),
        },
        "/api/v1/feed/events": {
            "get": _op(
                "feed_events", "Follow what happens.",
                {"200": {"description": "Each event under its kind, its number as id; a comment every 15 s.", **stream}},
                text="Goes on behind Last-Event-ID, or behind `after`; from now on where neither is given.",
                parameters=[after], headers=("Last-Event-ID",),
            )
        },
    }  # fmt: skip


def _login() -> dict[str, Schema]:
    code = _object({
        "device_code": {"type": "string"}, "user_code": {"type": "string"}, "verification_uri": {"type": "string"},
        "verification_uri_complete": {"type": "string"}, "expires_in": {"type": "integer"}, "interval": {"type": "integer"},
    })  # fmt: skip
    given = {"type": "object", "properties": {"access_token": {"type": "string"}, "token_type": {"type": "string"}}}
    refusal = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    content: Schema = {JSON: {"schema": {}}, "application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
    told = {"description": "By RFC 8628, 3.5: not yet, slower, denied, expired; or a problem.", "content": {
        JSON: {"schema": refusal}, "application/problem+json": {"schema": {"$ref": PLACE + "Problem"}},
    }}  # fmt: skip
    return {
        "/api/v1/login/device": {
            "post": _op(
                "login_device", "Begin to sign a command line in (RFC 8628).", {"200": _json(code, "What to show.")},
                body={"required": False, "content": content}, project=False, also=("429", "507"),
            )
        },
        "/api/v1/login/token": {
            "post": _op(
                "login_token", "Ask whether it is signed in by now.", {"200": _json(given, "It is."), "400": told},
                body={"required": True, "content": content}, project=False, also=("507",),
            )
        },
    }  # fmt: skip


def _lineage() -> dict[str, Schema]:
    event = {
        "type": "object",
        "description": "A RunEvent, DatasetEvent or JobEvent of OpenLineage 2.",
        "additionalProperties": True,
    }
    taken = _json(_object({"received": {"type": "integer"}, "new": {"type": "integer"}}), "They are recorded.")
    return {
        "/api/v1/lineage": {
            "post": _op("lineage", "Record an OpenLineage event.", {"200": taken}, body=_takes(event), also=("507",)),
        },
        "/api/v1/lineage/batch": {
            "post": _op(
                "lineage_batch",
                "Record many, all or none.",
                {"200": taken},
                body=_takes({"type": "array", "items": event}),
                also=("507",),
            ),
        },
    }


def _document() -> Schema:
    document = {"description": "This document.", "content": {JSON: {"schema": {"type": "object"}}}}
    return _op("openapi", "Describe all of this.", {"200": document}, project=False)


def _op(
    name: str,
    summary: str,
    responses: dict[str, Any],
    *,
    text: str = "",
    body: Schema | None = None,
    parameters: list[Schema] | None = None,
    headers: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    project: bool = True,
) -> Schema:
    found: Schema = {
        "operationId": name,
        "tags": ["transfer"],
        "summary": summary,
        "description": text,
        "parameters": [
            *([_PROJECT] if project else []),
            *(parameters or []),
            *({"name": one, "in": "header", "required": False, "schema": {"type": "string"}} for one in headers),
        ],
        "responses": responses,
    }
    if body is not None:
        found["requestBody"] = body
    found["x-also"] = of_other(found, also)
    return found


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _takes(schema: Schema) -> Schema:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _takes_bytes(kind: str) -> Schema:
    return {"required": False, "content": {kind: {"schema": {"type": "string", "contentMediaType": kind}}}}


def _json(schema: Schema, text: str) -> Schema:
    return {"description": text, "content": {JSON: {"schema": schema}}}


def _bytes(text: str) -> Schema:
    return {"description": text, "content": {BYTES: {"schema": {"type": "string", "contentMediaType": BYTES}}}}
