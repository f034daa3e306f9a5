"""arguments: what a step is given, as frozen values that can be written down.

Leaves are plain values, outputs of other nodes and assets; lists, tuples and dictionaries of them keep their shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from loopline.errors import Invalid
from loopline.pipelines.inputs import Data, Model
from loopline.pipelines.step import Output

Scalar = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Constant:
    """A plain value."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class OutputOf:
    """What another node of the graph gives."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class AssetInput:
    """A version that the pipeline reads."""

    name: str
    """The pipeline's parameter; where the body itself wrote the handle, the pointer."""
    kind: Literal["data", "model"]
    pointer: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list or a tuple."""

    word: Literal["list", "tuple"]
    items: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """A dictionary, in its order."""

    pairs: tuple[tuple[Scalar, Argument], ...]


Argument = Constant | OutputOf | AssetInput | Items | Pairs
Leaf = OutputOf | AssetInput


def argument_of(value: object, *, step: str, parameter: str) -> Argument:
    """Take what a pipeline's body gives to a step. Raise Invalid for what cannot be written down."""
    if value is None or type(value) in (bool, int, float, str):
        return Constant(value)  # type: ignore[arg-type]
    if isinstance(value, Output):
        return OutputOf(value.node, value.name)
    if isinstance(value, Data):
        return AssetInput(value.name or value.pointer, "data", value.pointer)
    if isinstance(value, Model):
        return AssetInput(value.name or value.pointer, "model", value.pointer)
    if type(value) in (list, tuple):
        word: Literal["list", "tuple"] = "list" if type(value) is list else "tuple"
        return Items(word, tuple(argument_of(one, step=step, parameter=parameter) for one in value))  # type: ignore[attr-defined]
    if type(value) is dict and all(key is None or type(key) in (bool, int, float, str) for key in value):
        return Pairs(tuple((key, argument_of(one, step=step, parameter=parameter)) for key, one in value.items()))
    raise Invalid(
        f"step {step} is given a {type(value).__name__} as {parameter!r}, which cannot be written into a plan",
        kind="bad-argument",
        hint="give it numbers, texts, lists and dictionaries of them, or make the value inside a step",
        step=step,
        parameter=parameter,
        type=f"{type(value).__module__}.{type(value).__qualname__}",
    )


def leaves(argument: Argument) -> Iterator[Leaf]:
    """Give each output and asset inside, in order, with repetitions."""
    match argument:
        case OutputOf() | AssetInput():
            yield argument
        case Items(_, items):
            for one in items:
                yield from leaves(one)
        case Pairs(pairs):
            for _, one in pairs:
                yield from leaves(one)
        case Constant():
            pass


def build(argument: Argument, resolve: Callable[[Leaf], Any]) -> Any:
    """Make the value that the step gets."""
    match argument:
        case Constant(value):
            return value
        case Items(word, items):
            made = [build(one, resolve) for one in items]
            return made if word == "list" else tuple(made)
        case Pairs(pairs):
            return {key: build(one, resolve) for key, one in pairs}
        case _:
            return resolve(argument)


def to_plain(argument: Argument) -> Any:
    """Write it with JSON's types, so that `from_plain` gives an equal one. What is no plain value is an object."""
    match argument:
        case Constant(value):
            return value
        case OutputOf(node, name):
            return {"output": [node, name]}
        case AssetInput(name, kind, pointer):
            return {"asset": [name, kind, pointer]}
        case Items(word, items):
            made = [to_plain(one) for one in items]
            return made if word == "list" else {"tuple": made}
        case Pairs(pairs):
            return {"dict": [[key, to_plain(one)] for key, one in pairs]}


def from_plain(plain: Any) -> Argument:
    """Read what `to_plain` wrote."""
    if isinstance(plain, list):
        return Items("list", tuple(from_plain(one) for one in plain))
    if not isinstance(plain, dict):
        return Constant(plain)
    ((word, body),) = plain.items()
    match word:
        case "output":
            return OutputOf(*body)
        case "asset":
            return AssetInput(*body)
        case "tuple":
            return Items("tuple", tuple(from_plain(one) for one in body))
        case "dict":
            return Pairs(tuple((key, from_plain(one)) for key, one in body))
        case _:
            raise Invalid(f"{word!r} is no form of an argument", kind="bad-plan", hint="run the pipeline again")


def canonical(argument: Argument, resolve: Callable[[Leaf], str]) -> str:
    """Write it so that equal arguments give equal text: dictionaries by key, leaves as `resolve` says."""
    return json.dumps(_sorted(argument, resolve), separators=(",", ":"), sort_keys=True)


def _sorted(argument: Argument, resolve: Callable[[Leaf], str]) -> Any:
    match argument:
        case Constant(value):
            return value
        case Items(word, items):
            made = [_sorted(one, resolve) for one in items]
            return made if word == "list" else {"tuple": made}
        case Pairs(pairs):
            return {"dict": {json.dumps(key): _sorted(one, resolve) for key, one in pairs}}
        case _:
            return {"input": resolve(argument)}
