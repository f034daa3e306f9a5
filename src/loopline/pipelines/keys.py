"""keys: the name that a step's result has before it is made.

Equal keys mean: the same code would read the same bytes with the same parameters, packages and Python. A key holds
nothing incidental: no path, time, run or actor. What the code reached is found statically (`closure`), so these are the
limits of the promise: environment variables, the network and programs that a step starts are not seen, nor are classes
of the project that come out of a loaded model without being mentioned.
"""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from loopline.errors import Invalid
from loopline.nouns.artifact import MODEL, Artifact
from loopline.pipelines.arguments import AssetInput, Leaf, OutputOf, canonical, leaves
from loopline.pipelines.closure import Closures
from loopline.pipelines.codecs import ARRAY, FRAME, TABLE
from loopline.pipelines.graph import Node
from loopline.pipelines.packages import Packages
from loopline.pipelines.source import SourceTree

FORMAT: Final = 1
"""Raised when the same parts would have to give another key."""

READERS: Final[Mapping[str, tuple[str, ...]]] = {
    FRAME: ("pandas", "pyarrow"),
    ARRAY: ("numpy",),
    TABLE: ("pyarrow",),
    MODEL: ("sklearn", "skops"),
}
"""Modules whose objects a step gets for an input of a media type: it computes with them without importing them."""

Part = Literal["code", "parameter", "input", "package", "python", "platform", "outputs"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a key is made of, readable, so that two keys can be compared."""

    code: Mapping[str, str]
    """`flights.fit` → digest of that statement."""
    parameters: Mapping[str, str]
    """Name → canonical JSON of the argument."""
    inputs: Mapping[str, str]
    """Where an input comes from (`features.result`, `data`) → its digest and media type."""
    packages: Mapping[str, str]
    python: str
    platform: str
    outputs: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """Write it as JSON, to be kept beside the run that has the key."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class Why:
    """One part in which two keys differ."""

    part: Part
    name: str
    old: str | None
    """None: it was not there."""
    new: str | None

    def __str__(self) -> str:
        """Say it for people: `parameter lr 0.1 → 0.2`."""
        if self.part in ("code", "input"):
            word = "is new" if self.old is None else "is gone" if self.new is None else "changed"
            return f"{self.part} {self.name} {word}"
        return f"{self.part} {self.name} {self.old or 'none'} → {self.new or 'none'}".replace("  ", " ")


class Keys:
    """Makes keys for the steps of one snapshot. What steps share is read once.

    `readers` says for media types of inputs which modules they are read with, beside those of `READERS`.
    """

    def __init__(
        self, folder: Path, *, packages: Packages | None = None, readers: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self._closures = Closures(SourceTree(folder))
        self._packages = packages or Packages()
        self._readers = {**READERS, **(readers or {})}
        self._steps: dict[tuple[str, frozenset[str]], tuple[dict[str, str], dict[str, str], str]] = {}

    def of(self, node: Node, inputs: Mapping[Leaf, Artifact | None]) -> tuple[str, Callable[[], Parts]]:
        """Give the key of a node, and its parts for whoever asks.

        `inputs` has the artifact of every output and asset that it takes; None for an asset that is not there.
        Raise Invalid broken-module where a file of the project cannot be parsed.
        """
        types = frozenset(one.media_type for one in inputs.values() if one and one.media_type in self._readers)
        code, packages, shared = self._step(node.call, types)

        def name(leaf: Leaf) -> str:
            return _input(leaf, inputs[leaf])

        arguments = {parameter: canonical(argument, name) for parameter, argument in node.arguments}
        text = json.dumps([FORMAT, shared, node.outputs, arguments], separators=(",", ":"), sort_keys=True)

        def parts() -> Parts:
            return Parts(
                code=code,
                parameters={parameter: canonical(argument, _label) for parameter, argument in node.arguments},
                inputs={_label(leaf): name(leaf) for _, one in node.arguments for leaf in leaves(one)},
                packages=packages,
                python=python_tag(),
                platform=sysconfig.get_platform(),
                outputs=node.outputs,
            )

        return hashlib.sha256(text.encode()).hexdigest(), parts

    def _step(self, call: str, types: frozenset[str]) -> tuple[dict[str, str], dict[str, str], str]:
        """Give code and packages of a step that gets inputs of these media types, and one name for both."""
        if (call, types) not in self._steps:
            reached = self._closures.of(call)
            code = dict(sorted(reached.code.items()))
            read = {module for media_type in types for module in self._readers[media_type]}
            packages = self._packages.reached(sorted(reached.packages | read))
            text = json.dumps([code, packages, python_tag(), sysconfig.get_platform()], sort_keys=True)
            self._steps[call, types] = code, packages, hashlib.sha256(text.encode()).hexdigest()
        return self._steps[call, types]


def python_tag() -> str:
    """Name the Python: implementation and x.y, because a patch release keeps what a program means."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"


def parts_from(data: bytes) -> Parts:
    """Read what `Parts.dump` wrote. Raise Invalid."""
    try:
        fields: dict[str, Any] = json.loads(data)
        return Parts(**{**fields, "outputs": tuple(fields["outputs"])})
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid("these are no parts of a cache key", kind="bad-parts", hint="run the step again") from error


def differences(old: Parts, new: Parts) -> tuple[Why, ...]:
    """Say in what two keys differ, code first. Equal parts give equal keys, so nothing means nothing."""
    found: list[Why] = []
    mappings: tuple[tuple[Part, Mapping[str, str], Mapping[str, str]], ...] = (
        ("code", old.code, new.code),
        ("parameter", old.parameters, new.parameters),
        ("input", old.inputs, new.inputs),
        ("package", old.packages, new.packages),
    )
    for part, a, b in mappings:
        names = (name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name))
        found.extend(Why(part, name, a.get(name), b.get(name)) for name in names)
    if old.python != new.python:
        found.append(Why("python", "", old.python, new.python))
    if old.platform != new.platform:
        found.append(Why("platform", "", old.platform, new.platform))
    if old.outputs != new.outputs:
        found.append(Why("outputs", "", ", ".join(old.outputs), ", ".join(new.outputs)))
    return tuple(found)


def _input(leaf: Leaf, artifact: Artifact | None) -> str:
    if artifact is None:
        return "none"
    form = leaf.kind if isinstance(leaf, AssetInput) else "value"  # a step may be given another object for each
    return f"{form} {artifact.digest} {artifact.media_type}"


def _label(leaf: Leaf) -> str:
    match leaf:
        case OutputOf(node, name):
            return f"{node}.{name}"
        case AssetInput(name):
            return name
