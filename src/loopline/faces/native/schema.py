"""schema: types as JSON Schema (2020-12), as `plain` writes them and as `read` takes them.

Dataclasses become components, described by what stands under their fields. What is given back is described exactly; what is taken
is described as widely as it is read: a whole number may come as text, a list of one as that one.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import timedelta
from enum import Enum
from functools import cache
from itertools import pairwise
from pathlib import PurePath
from typing import Any, Final

from loopline.nouns.actor import Actor
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Hashed, Latest, Named, Numbered, Pointer, RefName
from loopline.verbs.annotations import fields_of, parsed
from loopline.verbs.plain import is_revision, plain
from loopline.verbs.usage import Param

Schema = dict[str, Any]
PLACE: Final = "#/components/schemas/"
INT64: Final[Schema] = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
DIGEST: Final[Schema] = {
    "type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "`sha256:` and 64 hex digits.",
    "examples": ["sha256:" + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
}  # fmt: skip
NUMBER: Final[Schema] = {
    "description": "A number; those that JSON lacks are text.",
    "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
}
_NAMES: Final[dict[Any, tuple[str, str, str]]] = {
    AssetName: ("AssetName", "An asset, `kind/name`; one of another project with that in front.", "data/flights"),
    RefName: ("RefName", "A ref, `kind/name@ref`; one of another project with that in front.", "model/delay@champion"),
    Pointer: (
        "Pointer",
        "A version, `kind/name@revision`; without `@…`: data@main, anything else @latest.",
        "data/flights@2",
    ),
}
_REVISION: Final[Schema] = {
    "type": "string", "description": "A version's number, a ref's name, the beginning of a digest, or `latest`.",
    "examples": ["4", "champion", "latest"],
}  # fmt: skip
_LISTS: Final = (tuple, list, set, frozenset, Sequence, Iterable, Iterator, Collection)
_SIMPLE: Final[dict[Any, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: INT64,
    type(None): {"type": "null"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    timedelta: {"type": "number", "description": "Seconds."},
    Any: {},
    object: {},
}


class Schemas:
    """Components as they are met: one for each noun, and one more for each that is taken as well."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {"Digest": DIGEST, "Number": NUMBER, "Revision": _REVISION}
        for name, text, example in _NAMES.values():
            self.components[name] = {"type": "string", "description": text, "examples": [example]}

    def given(self, kind: Any) -> Schema:
        """Describe what `plain` writes for a value of this type."""
        return self._of(kind, taken=False)

    def taken(self, param: Param, *, text: bool) -> Schema:
        """Describe what a parameter takes: in a JSON body, or (`text`) in a query, where everything is text."""
        match param.shape:
            case "switch":
                found = _switch(text=text)
            case "many":
                item = self._item(param, text=text)
                found = (
                    {"type": "array", "items": item} if text else {"anyOf": [{"type": "array", "items": item}, item]}
                )
            case "pairs":
                found = self._pairs(param, text=text)
            case _:
                found = self._item(param, text=text)
        if param.optional and not text:
            found = {"anyOf": [found, {"type": "null"}]}
        found = dict(found)
        if param.help:
            found["description"] = param.help[0].upper() + param.help[1:] + "."
        if not param.required and param.default is not None:
            found["default"] = plain(param.default)
        return found

    def _pairs(self, param: Param, *, text: bool) -> Schema:
        pair = {"type": "string", "pattern": "^[^=]+=", "examples": ["depth=8"]}
        if text:
            return {"type": "array", "items": pair}
        args = typing.get_args(param.type)
        value = self._of(args[1], taken=True) if args else {}
        return {
            "anyOf": [{"type": "object", "additionalProperties": value}, {"type": "array", "items": pair}, pair],
            "examples": [{"depth": "8"}],
        }

    def _item(self, param: Param, *, text: bool) -> Schema:
        kind = param.type
        if param.shape == "many":
            kind = typing.get_args(kind)[0]
        if param.own:  # text, or what `plain` writes
            return {"anyOf": [{"type": "string"}, *([] if text else [self._of(kind, taken=True)])]}
        if param.choices:
            return {"type": "string", "enum": list(param.choices)}
        if kind is int and text:
            return INT64
        if kind is float and text:
            return {"$ref": PLACE + "Number"}
        if text and (kind is timedelta or hasattr(kind, "__dataclass_fields__")) and kind not in _NAMES:
            return {"type": "string"}
        return self._of(kind, taken=True)

    def _of(self, kind: Any, *, taken: bool) -> Schema:
        simple = self._simple(kind, taken=taken)
        if simple is not None:
            return simple
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self._of(args[0], taken=taken)
        if origin in (typing.Union, types.UnionType):
            return self._union(args, taken=taken)
        if origin is typing.Literal:
            return {"enum": list(args)}
        if origin in _LISTS:
            if origin is tuple and args[-1] is not Ellipsis:
                inner = [self._of(arm, taken=taken) for arm in args]
                return {"type": "array", "prefixItems": inner, "minItems": len(args), "maxItems": len(args)}
            return {"type": "array", "items": self._of(args[0], taken=taken)}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self._of(args[1], taken=taken)}
        msg = f"{kind!r} has no schema"
        raise TypeError(msg)

    def _simple(self, kind: Any, *, taken: bool) -> Schema | None:
        if taken and kind in _WIDER:
            return _WIDER[kind]
        if kind is float:
            return {"$ref": PLACE + "Number"}
        if isinstance(kind, typing.NewType):
            return {"$ref": PLACE + "Digest"} if kind is Digest else self._of(kind.__supertype__, taken=taken)
        if kind in (Numbered, Hashed, Named, Latest):
            return {"$ref": PLACE + "Revision"}
        try:
            found = _SIMPLE.get(kind)
        except TypeError:  # what cannot be hashed is no simple type
            return None
        if found is not None:
            return found
        if kind in _NAMES:
            return {"$ref": PLACE + _NAMES[kind][0]}
        if not isinstance(kind, type) or typing.get_origin(kind) is not None:
            return None
        if issubclass(kind, Enum):
            return self._enum(kind)
        if issubclass(kind, PurePath):
            return {"type": "string"}
        if issubclass(kind, Mapping):
            return {"type": "object"}
        return self._noun(kind, taken=taken) if hasattr(kind, "__dataclass_fields__") else None

    def _union(self, args: tuple[Any, ...], *, taken: bool) -> Schema:
        rest = tuple(arm for arm in args if arm is not type(None))
        null = [{"type": "null"}] if len(rest) < len(args) else []
        arms = [{"$ref": PLACE + "Revision"}] if is_revision(rest) else [self._of(arm, taken=taken) for arm in rest]
        found = [*arms, *null]
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _enum(self, kind: type[Enum]) -> Schema:
        if kind.__name__ not in self.components:
            self.components[kind.__name__] = {"enum": [one.value for one in kind], "description": _doc(kind)}
        return {"$ref": PLACE + kind.__name__}

    def _noun(self, kind: type, *, taken: bool) -> Schema:
        name = f"{kind.__name__}{'Asked' if taken else ''}"
        if name not in self.components:
            here: Schema = {}
            self.components[name] = here  # before its fields: a noun may hold others of its kind
            said = told(kind)
            properties = {}
            for field, inner in fields_of(kind).items():
                found = dict(self._of(inner, taken=taken))
                if said.get(field):
                    found["description"] = said[field]
                properties[field] = found
            lacking = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}
            here |= {
                "type": "object", "description": _doc(kind), "properties": properties, "additionalProperties": False,
                "required": [field for field in properties if not taken or field in lacking],
            }  # fmt: skip
        found = {"$ref": PLACE + name}
        if taken and kind is Actor:
            return {"anyOf": [{"type": "string", "examples": ["ann", "token:ci"]}, found]}
        return found


@cache
def told(kind: type) -> Mapping[str, str]:
    """Give what the source says of each field of a class: the text that stands under it."""
    found: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if not hasattr(cls, "__dataclass_fields__"):
            continue
        try:
            body = typing.cast("ast.ClassDef", parsed(inspect.cleandoc("\n" + inspect.getsource(cls))).body[0]).body
        except (OSError, SyntaxError):
            continue
        for line, below in pairwise(body):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
                text = below.value.value if isinstance(below.value, ast.Constant) else None
                if isinstance(text, str):
                    found[line.target.id] = " ".join(text.split())
    return found


def _switch(*, text: bool) -> Schema:
    words = {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|0|1)$"}
    return {"type": "boolean"} if text else {"anyOf": [{"type": "boolean"}, words, {"enum": [0, 1]}]}


def _doc(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


_WHOLE: Final[Schema] = {"anyOf": [INT64, {"type": "string", "pattern": "^-?[0-9]{1,19}$"}]}
_WIDER: Final[dict[Any, Schema]] = {
    int: _WHOLE,
    float: {"anyOf": [{"type": "number"}, {"type": "string"}]},
    timedelta: {
        "description": "Seconds, or `90s`, `30m`, `24h`, `7d`.",
        "anyOf": [{"type": "number"}, {"type": "string"}],
    },
}
"""What is read from more than it is written as."""
