"""plain: nouns as the values that JSON knows, and back.

`restore(type(x), plain(x, project=p), project=p) == x` for every noun. Names are text as people write them; a name of the
given project goes without its project, every other name carries it.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn

from loopline.errors import Invalid
from loopline.nouns.digest import Digest, parse_digest
from loopline.nouns.name import (
    AssetName,
    Hashed,
    Latest,
    Named,
    Numbered,
    Pointer,
    RefName,
    parse_asset,
    parse_pointer,
    parse_ref,
    parse_revision,
)
from loopline.verbs.annotations import fields_of

_REVISIONS = (Numbered, Hashed, Named, Latest)
_SOME_ASSET = AssetName("-", "data", "-")


def plain(value: Any, *, project: str | None = None) -> Any:
    """Give dicts, lists, text, numbers, booleans and None. Raise TypeError for what is no noun.

    A dataclass becomes a dict in the order of its fields, an enum its value, a timedelta its seconds, bytes base64 text,
    and numbers that JSON lacks become `NaN`, `Infinity` and `-Infinity`.
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _odd(value)
        case AssetName() | RefName() | Pointer():
            return _name_text(value, project)
        case Numbered() | Hashed() | Named() | Latest():
            return str(Pointer(_SOME_ASSET, value)).partition("@")[2]
        case timedelta():
            return value.total_seconds()
        case bytes():
            from base64 import b64encode

            return b64encode(value).decode()
        case PurePath():
            return value.as_posix()
        case Mapping():
            return {_key_text(key, project): plain(one, project=project) for key, one in value.items()}
        case set() | frozenset():
            return sorted((plain(one, project=project) for one in value), key=repr)
        case Iterable():
            return [plain(one, project=project) for one in value]
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is None:
        msg = f"{type(value).__name__} has no plain form"
        raise TypeError(msg)
    return {name: plain(getattr(value, name), project=project) for name in fields}


def restore(kind: Any, value: Any, *, project: str = "") -> Any:
    """Give the noun of type `kind` that `plain` wrote as `value`. Raise Invalid with what does not fit.

    Names without a project are taken to be of `project`.
    """
    name = _NAMES.get(kind) if isinstance(kind, type) else None
    if name is not None:
        return name(_text(value), project=project)
    if kind is Any:
        return value
    if isinstance(kind, typing.NewType):
        return (
            parse_digest(_text(value)) if kind is Digest else kind(restore(kind.__supertype__, value, project=project))
        )
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return restore(typing.get_args(kind)[0], value, project=project)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(kind), value, project)
    if origin is typing.Literal:
        return _literal(typing.get_args(kind), value)
    if origin is not None:
        return _container(origin, typing.get_args(kind), value, project)
    return _single(kind, value, project)


def is_revision(arms: Sequence[Any]) -> bool:
    """Tell whether a union is the one of revisions, which is written as one word."""
    return set(arms) == set(_REVISIONS)


def _single(kind: Any, value: Any, project: str) -> Any:
    if kind in _REVISIONS:
        revision = parse_revision(_text(value))
        return revision if isinstance(revision, kind) else _misfit(kind.__name__, value)
    if not isinstance(kind, type):
        return _misfit(str(kind), value)
    if kind is type(None):
        return None if value is None else _misfit("null", value)
    if kind in (list, tuple, dict):
        return kind(value)
    if issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            return _misfit(" or ".join(str(one.value) for one in kind), value)
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass(kind, value, project)
    reader = _SCALARS.get(kind)
    if reader is None:
        return kind(_text(value)) if issubclass(kind, PurePath) else _misfit(kind.__name__, value)
    return reader(value)


def _dataclass(kind: type, value: Any, project: str) -> Any:
    if not isinstance(value, Mapping):
        return _misfit(kind.__name__, value)
    fields = fields_of(kind)
    strange = [name for name in value if name not in fields]
    if strange:
        raise Invalid(
            f"{kind.__name__} has no field {strange[0]!r}",
            kind="bad-value",
            hint=f"fields are {', '.join(fields)}",
            field=strange[0],
        )
    given = {name: restore(fields[name], one, project=project) for name, one in value.items()}
    try:
        return kind(**given)
    except TypeError as error:
        raise Invalid(f"{kind.__name__} is incomplete: {error}", kind="bad-value", hint="give every field") from error


def _union(arms: Sequence[Any], value: Any, project: str) -> Any:
    if value is None and type(None) in arms:
        return None
    arms = [one for one in arms if one is not type(None)]
    if is_revision(arms):
        return parse_revision(_text(value))
    problem: Invalid | None = None
    for arm in sorted(arms, key=lambda arm: 0 if arm is type(value) else 1):
        try:
            return restore(arm, value, project=project)
        except Invalid as error:
            problem = problem or error
    raise problem if problem is not None else Invalid("no type fits", kind="bad-value", hint="leave it out")


def _literal(choices: Sequence[Any], value: Any) -> Any:
    for one in choices:
        if one == value and type(one) is type(value):
            return one
    return _misfit(" or ".join(str(one) for one in choices), value)


def _container(origin: Any, args: Sequence[Any], value: Any, project: str) -> Any:
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            return _misfit("an object", value)
        return {restore(args[0], k, project=project): restore(args[1], v, project=project) for k, v in value.items()}
    if not isinstance(value, (list, tuple)):
        return _misfit("a list", value)
    if origin is tuple and args[-1] is not Ellipsis:
        if len(args) != len(value):
            return _misfit(f"a list of {len(args)}", value)
        return tuple(restore(kind, one, project=project) for kind, one in zip(args, value, strict=True))
    items = (restore(args[0], one, project=project) for one in value)
    if origin in (tuple, set, frozenset):
        return origin(items)
    if origin is Iterator:
        return iter(list(items))
    return list(items) if origin in (list, Sequence, Iterable, Collection) else _misfit(str(origin), value)


def _name_text(value: AssetName | RefName | Pointer, project: str | None) -> str:
    home = value.project if isinstance(value, AssetName) else value.asset.project
    return str(value) if home == project else f"{home}:{value}"


def _key_text(key: Any, project: str | None) -> str:
    text = plain(key, project=project)
    return text if isinstance(text, str) else str(text)


def _odd(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _misfit("text", value)


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _misfit("true or false", value)


def _int(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 25:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        _misfit("a whole number of 64 bits", value)
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _misfit("a number", value)
    try:
        return float(value)
    except ValueError:
        return _misfit("a number", value)


def _timedelta(value: Any) -> timedelta:
    seconds = _float(value)
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return _misfit("a number of seconds", value)


def _bytes(value: Any) -> bytes:
    from base64 import b64decode

    try:
        return b64decode(_text(value), validate=True)
    except ValueError:
        return _misfit("base64 text", value)


def _misfit(wanted: str, value: Any) -> NoReturn:
    try:
        brief = repr(value)
    except ValueError:  # a number of more digits than Python writes
        brief = "a number"
    brief = brief if len(brief) <= 300 else brief[:300] + "…"
    raise Invalid(f"{brief} is not {wanted}", kind="bad-value", hint=f"give {wanted}", value=brief, wanted=wanted)


_NAMES: dict[type, Any] = {AssetName: parse_asset, RefName: parse_ref, Pointer: parse_pointer}
_SCALARS: dict[type, Any] = {
    str: _text,
    bool: _bool,
    int: _int,
    float: _float,
    timedelta: _timedelta,
    bytes: _bytes,
    object: lambda value: value,
}
