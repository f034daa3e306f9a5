"""wire: the schemas of a tool, from the signatures and the types of the verbs that it asks.

They are the ones of the OpenAPI document. What is deep down is described there alone: here it is an object, so that the list of
tools, which every session reads, stays short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from loopline.errors import Invalid
from loopline.faces.mcp.fitting import size
from loopline.faces.native.schema import PLACE, Schema, Schemas
from loopline.faces.native.wire import usage_for

ROOM: Final = 3_000
"""Characters of the definitions of one schema."""
LARGEST: Final = 64 << 10
"""Characters of a call's arguments."""
_HERE: Final = "#/$defs/"
_LEFT: Final[Schema] = {
    "type": "array", "description": "What is not there in full, because there was no room.",
    "items": {
        "type": "object", "required": ["where", "kept", "of"], "additionalProperties": False,
        "properties": {"where": {"type": "string"}, "kept": {"type": "integer"}, "of": {"type": "integer"}},
    },
}  # fmt: skip


def taken(schemas: Schemas, verb: str, *names: str) -> dict[str, Schema]:
    """Describe parameters of a verb, as a body of the API takes them."""
    usage = usage_for(verb)
    found = {}
    for name in names:
        param = usage.find(name)
        if param is None:
            msg = f"{verb} takes no {name}"
            raise TypeError(msg)
        found[name] = schemas.taken(param, text=False)
    return found


def given(schemas: Schemas, verb: str) -> Schema:
    """Describe what a verb gives."""
    return schemas.given(usage_for(verb).returns)


def closed(properties: Mapping[str, Schema], required: tuple[str, ...], schemas: Schemas) -> Schema:
    """Put a whole input schema together."""
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        found["required"] = list(required)
    return _complete(found, schemas)


def enveloped(result: Schema, schemas: Schemas) -> Schema:
    """Put a whole output schema together: the result, where its next page begins, and what was left out."""
    null = {"type": "null"}
    return _complete(
        {
            "type": "object", "required": ["result", "next", "left_out", "more"], "additionalProperties": False,
            "properties": {
                "result": {"anyOf": [result, null]},
                "next": {"anyOf": [{"type": "string"}, null], "description": "For the next page, as `after`; null: the last."},
                "left_out": _LEFT,
                "more": {"anyOf": [{"type": "string"}, null], "description": "How to get what was left out."},
            },
        },
        schemas,
    )  # fmt: skip


def held(name: str, schema: Schema, arguments: Mapping[str, Any]) -> None:
    """Raise Invalid for arguments that a tool does not take, that it needs, or that are more than anybody writes.

    Values are read later, by the verb whose they are.
    """
    try:
        large = size(dict(arguments)) > LARGEST
    except (RecursionError, ValueError):
        large = True
    if large:
        raise Invalid(
            f"the arguments have more than {LARGEST} characters",
            kind="body-too-large",
            hint="send less at once",
            limit=LARGEST,
        )
    known = schema["properties"]
    strange = next((one for one in arguments if one not in known), None)
    if strange is not None:
        from difflib import get_close_matches

        close = get_close_matches(strange, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(known) or 'nothing'}"
        raise Invalid(f"{name} takes no {strange[:100]!r}", kind="unknown-parameter", hint=hint, name=strange[:100])
    missing = [one for one in schema.get("required", ()) if arguments.get(one) is None]
    if missing:
        raise Invalid(
            f"{name} needs {', '.join(missing)}", kind="missing-parameter", hint=f"give {missing[0]}", missing=missing
        )
    if any("\x00" in text for text in _texts(dict(arguments))):
        raise Invalid("text cannot hold the character NUL", kind="bad-value", hint="leave it out")
    try:
        "".join(_texts(dict(arguments))).encode()
    except UnicodeEncodeError:
        raise Invalid("half a character is no text", kind="bad-value", hint="send whole characters") from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _complete(schema: Schema, schemas: Schemas) -> Schema:
    """Bring in the definitions that a schema refers to, nearest first, as far as there is room; what is left out is loosened."""
    chosen: dict[str, Schema] = {}
    waiting, room = [*_named(schema)], ROOM
    while waiting:
        name = waiting.pop(0)
        if name in chosen:
            continue
        found = _without_examples(schemas.components[name])
        room -= size(found)
        chosen[name] = found if room > 0 or "properties" not in found else {"type": "object"}
        waiting += _named(chosen[name])
    whole: Schema = _moved(schema)
    if chosen:
        whole["$defs"] = {name: _moved(one) for name, one in sorted(chosen.items())}
    return whole


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix(PLACE)
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)


def _without_examples(schema: Schema) -> Schema:
    return {name: one for name, one in schema.items() if name != "examples"}


def _moved(value: Any) -> Any:
    """Let references lead to the schema's own definitions."""
    if isinstance(value, dict):
        return {
            key: one.replace(PLACE, _HERE) if key == "$ref" and isinstance(one, str) else _moved(one)
            for key, one in value.items()
        }
    return [_moved(one) for one in value] if isinstance(value, list) else value
