"""parameters: what a pipeline can be given, from its signature, and how text becomes the value that it asks for."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin

from loopline.errors import Invalid
from loopline.pipelines.annotations import UNKNOWN, annotation_of, fits, spelled
from loopline.pipelines.inputs import Data, Model, named
from loopline.pipelines.step import Pipeline

_TRUE = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a pipeline."""

    name: str
    kind: Literal["plain", "data", "model"]
    type: str
    """As people write it: `int`, `'a' or 'b'`, `Model or None`; empty where the pipeline does not say."""
    required: bool
    default: Any
    """None where it is required."""
    annotation: Any
    optional: bool
    """Whether None is among what it takes."""


def parameters_of(pipeline: Pipeline[..., Any]) -> tuple[Parameter, ...]:
    """Read the signature. Raise Invalid for `*args`, `**kwargs` and parameters that go by position only."""
    return tuple(_parameter(pipeline, one) for one in inspect.signature(pipeline.function).parameters.values())


def bound(pipeline: Pipeline[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete `values` with the defaults, in the order of the signature; assets become named handles.

    A text for an asset is its pointer. Raise Invalid: unknown-parameter, missing-parameter, wrong-type.
    """
    parameters = parameters_of(pipeline)
    _refuse_unknown(pipeline, parameters, values)
    missing = [one.name for one in parameters if one.required and one.name not in values]
    if missing:
        raise Invalid(
            f"pipeline {pipeline.name} needs {', '.join(missing)}",
            kind="missing-parameter",
            hint=f"give {missing[0]}=… ({_by_name(parameters, missing[0]).type or 'any value'})",
            pipeline=pipeline.name,
            parameters=missing,
        )
    return {one.name: _taken(pipeline, one, values.get(one.name, one.default)) for one in parameters}


def parsed(pipeline: Pipeline[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Take parameters as typed on a command line, each by its annotation. Raise Invalid as `bound` does.

    `none` is None where None may stand; lists and dictionaries are JSON, a list also `a,b,c`; without an annotation
    JSON is tried first, then it is text.
    """
    parameters = parameters_of(pipeline)
    _refuse_unknown(pipeline, parameters, texts)
    return {name: _value(pipeline, _by_name(parameters, name), text) for name, text in texts.items()}


def _parameter(pipeline: Pipeline[..., Any], one: inspect.Parameter) -> Parameter:
    if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
        raise Invalid(
            f"pipeline {pipeline.name} takes {one}: its parameters must have names",
            kind="bad-pipeline",
            hint="name each parameter; give a list or a dict where there are many",
            pipeline=pipeline.name,
        )
    annotation = annotation_of(pipeline.function, one.name)
    default = None if one.default is one.empty else one.default
    choices = _choices(annotation)
    kind: Literal["plain", "data", "model"] = "plain"
    if Data in choices or isinstance(default, Data):
        kind = "data"
    elif Model in choices or isinstance(default, Model):
        kind = "model"
    return Parameter(
        one.name,
        kind,
        "" if annotation is UNKNOWN else spelled(annotation),
        one.default is one.empty,
        default,
        annotation,
        annotation is UNKNOWN or annotation is Any or type(None) in choices or one.default is None,
    )


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _by_name(parameters: tuple[Parameter, ...], name: str) -> Parameter:
    return next(one for one in parameters if one.name == name)


def _refuse_unknown(pipeline: Pipeline[..., Any], parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> None:
    known = [one.name for one in parameters]
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise Invalid(
                f"pipeline {pipeline.name} has no parameter {name!r}",
                kind="unknown-parameter",
                hint=f"did you mean {close[0]}?" if close else f"it has {', '.join(known) or 'none'}",
                pipeline=pipeline.name,
                parameter=name,
                known=known,
            )


def _taken(pipeline: Pipeline[..., Any], one: Parameter, value: Any) -> Any:
    if one.kind != "plain":
        if isinstance(value, str):
            value = Data(value) if one.kind == "data" else Model(value)
        if isinstance(value, Data if one.kind == "data" else Model):
            return named(value, one.name)
        if value is not None or not (one.optional or one.default is None):
            raise _wrong(pipeline, one, value, f"a pointer such as {one.kind}/name@ref")
        return None
    if not fits(value, one.annotation) and not (value is None and one.default is None and not one.required):
        raise _wrong(pipeline, one, value, one.type)
    return value


def _value(pipeline: Pipeline[..., Any], one: Parameter, text: str) -> Any:
    if one.optional and text.lower() in ("none", "null"):
        return None
    if one.kind != "plain":
        return Data(text) if one.kind == "data" else Model(text)
    if one.annotation is UNKNOWN or one.annotation is Any:
        try:
            return json.loads(text)
        except ValueError:
            return text
    for choice in _choices(one.annotation):
        try:
            return _read(text, choice)
        except ValueError:
            continue
    raise _wrong(pipeline, one, text, one.type)


def _read(text: str, annotation: Any) -> Any:
    """Make the text a value of one type. Raise ValueError."""
    if annotation is str:
        return text
    if annotation is bool:
        if text.lower() not in _TRUE:
            raise ValueError(text)
        return _TRUE[text.lower()]
    if annotation is int:
        return int(text)
    if annotation is float:
        return float(text)
    if get_origin(annotation) is Literal:
        for choice in get_args(annotation):
            if str(choice) == text:
                return choice
        raise ValueError(text)
    origin = get_origin(annotation) or annotation
    if origin is list and not text.lstrip().startswith("["):
        inner = (*get_args(annotation), str)[0]
        return [_read(part.strip(), inner) for part in text.split(",")] if text.strip() else []
    value = json.loads(text)
    if origin is tuple and isinstance(value, list):
        value = tuple(value)
    if not fits(value, annotation):
        raise ValueError(text)
    return value


def _wrong(pipeline: Pipeline[..., Any], one: Parameter, value: object, needed: str) -> Invalid:
    return Invalid(
        f"{one.name}={value!r} does not suit pipeline {pipeline.name}: {one.name} is {needed}",
        kind="wrong-type",
        hint=f"give {one.name} {needed}",
        pipeline=pipeline.name,
        parameter=one.name,
        needed=needed,
        found=type(value).__name__,
    )
