"""graph: a pipeline's body, run once with handles instead of values, as a frozen graph of steps.

A node can only take outputs of nodes that were recorded before it: there are no cycles, and the order in which they
were recorded is an order in which they can run.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loopline.errors import Invalid, LooplineError
from loopline.nouns.name import parse_asset
from loopline.pipelines.arguments import Argument, AssetInput, OutputOf, argument_of, leaves
from loopline.pipelines.parameters import bound
from loopline.pipelines.step import RECORDER, Output, Pipeline, Step

RESULT: Final = "result"
"""What the one output of a step is called that names none."""


@dataclass(frozen=True, slots=True)
class Node:
    """One call of one step."""

    id: str
    """`fit`, and `fit-2` for the second call."""
    call: str
    """`module:function`."""
    arguments: tuple[tuple[str, Argument], ...]
    """By the parameter's name, in the order of the signature."""
    outputs: tuple[str, ...] = (RESULT,)
    several: bool = False
    """Whether the function returns a tuple with a member for each output."""
    cache: bool = True
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the nodes whose outputs it takes, each once."""
        found = (leaf.node for _, one in self.arguments for leaf in leaves(one) if isinstance(leaf, OutputOf))
        return tuple(dict.fromkeys(found))

    @property
    def assets(self) -> tuple[AssetInput, ...]:
        """Name the assets that it reads, each once."""
        found = (leaf for _, one in self.arguments for leaf in leaves(one) if isinstance(leaf, AssetInput))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline with its parameters filled in."""

    pipeline: str
    nodes: tuple[Node, ...]
    """In an order in which they can run."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The plain parameters."""
    assets: tuple[AssetInput, ...] = ()
    """Everything that is read, by name; also what a parameter names and no step takes."""
    publish: tuple[tuple[str, OutputOf], ...] = ()
    """Assets (`model/delay`) and what is published under them, sorted by asset."""

    def node(self, name: str) -> Node:
        """Look one up. It must be there."""
        return next(node for node in self.nodes if node.id == name)

    def dependants(self) -> dict[str, tuple[str, ...]]:
        """Say for each node which take its outputs."""
        found: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for node in self.nodes:
            for need in node.needs:
                found[need].append(node.id)
        return {name: tuple(names) for name, names in found.items()}

    def critical_path(self, durations: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
        """Name the nodes that decide how long all of it takes, and how long that is. An unknown duration is 0."""
        ends: dict[str, float] = {}
        before: dict[str, str | None] = {}
        for node in self.nodes:
            last = max(node.needs, key=lambda need: ends[need], default=None)
            before[node.id] = last
            ends[node.id] = (ends[last] if last else 0.0) + durations.get(node.id, 0.0)
        at = max(ends, key=lambda name: ends[name], default=None)
        path: list[str] = []
        total = ends[at] if at else 0.0
        while at is not None:
            path.append(at)
            at = before[at]
        return tuple(reversed(path)), total


def trace(pipeline: Pipeline[..., Any], values: Mapping[str, Any]) -> Graph:
    """Run the body of a pipeline with handles and give its graph.

    Raise Invalid for parameters (see `parameters.bound`), for a body that uses an output as a value
    (output-used-as-value), gives a step what cannot be written down (bad-argument), calls it wrongly (bad-call),
    returns something else than assets and outputs (bad-publish), or raises (pipeline-raised).
    """
    params = bound(pipeline, values)
    recording = _Recording()
    token = RECORDER.set(recording)
    try:
        returned = pipeline.function(**params)
    except LooplineError:
        raise
    except (Exception, SystemExit) as error:
        raise _raised(pipeline, error) from error
    finally:
        RECORDER.reset(token)
    assets: dict[str, AssetInput] = {}
    plain: dict[str, Any] = {}
    for name, value in params.items():
        argument = argument_of(value, step=f"pipeline {pipeline.name}", parameter=name)
        if isinstance(argument, AssetInput):
            assets[name] = argument
        else:
            plain[name] = value
    for node in recording.nodes:
        assets.update({one.name: one for one in node.assets})
    return Graph(
        pipeline.name, tuple(recording.nodes), plain, tuple(assets.values()), _published(pipeline, returned, recording)
    )


class _Recording:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._counts: dict[str, int] = {}
        self._names: set[str] = set()  # as node ids: a step may be called `fit-2`
        self._signatures: dict[int, inspect.Signature] = {}
        self.steps: list[Step[..., Any]] = []  # kept alive: signatures are found by identity

    def record(self, step: Step[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if "<locals>" in step.call or "<lambda>" in step.call:
            raise Invalid(
                f"step {step.name} is defined inside a function: a worker cannot import it",
                kind="step-not-importable",
                hint="move its def to the top of a module",
                step=step.call,
            )
        signature = self._signatures.get(id(step))
        if signature is None:
            signature = self._signatures[id(step)] = inspect.signature(step.function)
            self.steps.append(step)
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise Invalid(
                f"step {step.name} cannot be called like this: {error}",
                kind="bad-call",
                hint=f"it is {step.name}{signature}",
                step=step.call,
            ) from None
        node = Node(
            self._name(step.name),
            step.call,
            tuple((name, argument_of(value, step=step.name, parameter=name)) for name, value in given.items()),
            step.outputs or (RESULT,),
            bool(step.outputs),
            step.options.cache,
            step.options.retries,
            step.options.retry_delay,
            step.options.timeout,
        )
        self._refuse_strangers(node)
        self.nodes.append(node)
        handles = tuple(Output(node.id, name) for name in node.outputs)
        return handles if node.several else handles[0]

    def _name(self, wanted: str) -> str:
        while True:
            count = self._counts[wanted] = self._counts.get(wanted, 0) + 1
            name = wanted if count == 1 else f"{wanted}-{count}"
            if name not in self._names:
                self._names.add(name)
                return name

    def _refuse_strangers(self, node: Node) -> None:
        for need in node.needs:
            if need not in self._names or need == node.id:
                raise Invalid(
                    f"step {node.id} is given an output of {need}, which is not of this run of the pipeline",
                    kind="bad-argument",
                    hint="call the step inside this pipeline's body",
                    step=node.id,
                )


def _published(
    pipeline: Pipeline[..., Any], returned: object, recording: _Recording
) -> tuple[tuple[str, OutputOf], ...]:
    known = {node.id for node in recording.nodes}
    if returned is None or (isinstance(returned, Output) and returned.node in known):
        return ()  # an output alone says what the pipeline is about; it has no name to be published under
    if not isinstance(returned, Mapping):
        raise _unpublishable(pipeline, f"returns {_said(returned)}")
    found: dict[str, OutputOf] = {}
    for name, value in returned.items():
        if not isinstance(name, str):
            raise _unpublishable(pipeline, f"returns a mapping with the key {name!r}")
        asset = str(parse_asset(name, project="here"))
        if not isinstance(value, Output) or value.node not in known:
            raise _unpublishable(pipeline, f"returns {_said(value)} for {asset}")
        found[asset] = OutputOf(value.node, value.name)
    return tuple(sorted(found.items()))


def _said(value: object) -> str:
    return f"a {type(value).__name__}"


def _unpublishable(pipeline: Pipeline[..., Any], what: str) -> Invalid:
    return Invalid(
        f"pipeline {pipeline.name} {what}: it can publish outputs of its steps under names of assets, nothing else",
        kind="bad-publish",
        hint='end it with return {"model/name": output}, or return nothing',
        pipeline=pipeline.name,
    )


def _raised(pipeline: Pipeline[..., Any], error: BaseException) -> Invalid:
    frames = traceback.extract_tb(error.__traceback__)
    code = pipeline.function.__code__ if hasattr(pipeline.function, "__code__") else None
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename] or list(frames)
    return Invalid(
        f"pipeline {pipeline.name} raised {type(error).__name__} while it was planned: {error}",
        kind="pipeline-raised",
        hint="only calls of steps belong into a pipeline's body: move the rest into a step",
        pipeline=pipeline.name,
        file=own[-1].filename,
        line=own[-1].lineno,
    )
