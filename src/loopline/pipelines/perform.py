"""perform: one step, done by a worker.

The worker gets a task as bytes, imports the step from the snapshot, takes its inputs, calls it, and gives a reply with
what its outputs became. What the step's own code raises passes through, for the executor to report with its traceback;
what is wrong around it (a module, an input, a value without a codec) is part of the reply, with its hint and facts.
"""

from __future__ import annotations

import inspect
import json
import signal
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from loopline import errors
from loopline.errors import Invalid, LooplineError
from loopline.nouns.artifact import Artifact
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.run import Link
from loopline.pipelines.annotations import UNKNOWN, annotation_of, fits, spelled
from loopline.pipelines.arguments import Argument, AssetInput, Leaf, OutputOf, build, from_plain, to_plain
from loopline.pipelines.codecs import EvaluationCodec
from loopline.pipelines.graph import Node
from loopline.pipelines.inputs import Data, Model, given
from loopline.pipelines.loading import code_at
from loopline.pipelines.step import Pipeline, Step
from loopline.pipelines.values import Values, is_tree

CALL = "loopline.pipelines.perform:perform"
"""What a job calls."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a worker opens something: `module:name`, called with texts."""

    call: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker finds what every task of a run needs."""

    code: str
    """Folder of the snapshot that steps are imported from."""
    cache: str
    """Folder of this machine that workers share for checkouts."""
    blobs: Opening
    folders: Opening
    """Called with the blobs first; gives `values.Folders`."""
    codecs: tuple[tuple[str, str], ...]
    """Name and `module:Class`, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Task:
    """One node of a graph with its inputs."""

    node: str
    call: str
    arguments: str
    """JSON of name and `arguments.to_plain` of each, because MessagePack has no large numbers."""
    inputs: tuple[tuple[str, Link | None], ...]
    """`node.output` or `@parameter` → what it is; None: the pipeline was run without that asset."""
    outputs: tuple[str, ...]
    several: bool
    retries: int
    retry_delay: float
    timeout: float | None
    place: Place


@dataclass(frozen=True, slots=True)
class Fault:
    """One of our errors on its way to another process."""

    cls: str
    message: str
    kind: str
    hint: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a task."""

    node: str
    outputs: tuple[Link, ...] = ()
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    """The outputs that are evaluations, by name."""
    attempts: int = 1
    seconds: dict[str, float] = field(default_factory=dict)
    """How long it took to `load` the code, `fetch` the inputs, `call` the step, `keep` the outputs."""
    fault: Fault | None = None


def task_for(node: Node, inputs: Mapping[Leaf, Link | None], place: Place) -> bytes:
    """Write a task. `inputs` has every output and asset that the node takes."""
    import msgspec

    arguments = json.dumps([[name, to_plain(one)] for name, one in node.arguments])
    listed = tuple((_key(leaf), link) for leaf, link in inputs.items())
    task = Task(
        node.id,
        node.call,
        arguments,
        listed,
        node.outputs,
        node.several,
        node.retries,
        node.retry_delay,
        node.timeout,
        place,
    )
    return msgspec.msgpack.encode(task)


def reply_from(data: bytes) -> Reply:
    """Read a reply. Raise the error that the worker met around the step, where it met one."""
    import msgspec

    reply = msgspec.msgpack.decode(data, type=Reply)
    if reply.fault is not None:
        cls: type[LooplineError] = getattr(errors, reply.fault.cls, Invalid)
        raise cls(reply.fault.message, kind=reply.fault.kind, hint=reply.fault.hint, **reply.fault.facts)
    return reply


def perform(payload: bytes) -> bytes:
    """Do a task and give the reply. Raises what the step raises, after its last attempt; TimeoutError when it hung."""
    import msgspec

    task = msgspec.msgpack.decode(payload, type=Task)
    try:
        reply = _Performance(task).reply()
    except _AroundError as around:
        error = around.error
        cls = next((one.__name__ for one in type(error).__mro__ if one.__module__ == errors.__name__), "Invalid")
        facts = {key: str(fact) for key, fact in error.facts.items()}
        reply = Reply(task.node, fault=Fault(cls, error.message, error.kind, error.hint, facts))
    return msgspec.msgpack.encode(reply)


class _AroundError(Exception):
    """Marks an error that the step's own code did not raise."""

    def __init__(self, error: LooplineError) -> None:
        super().__init__(error.message)
        self.error = error


class _Performance:
    """One task on its way to a reply."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.seconds: dict[str, float] = {}
        self.values = _values(task.place)
        self.inputs = dict(task.inputs)

    def reply(self) -> Reply:
        code = code_at(self.task.place.code)
        with code.active():
            with self._part("load"):
                found = code.find(self.task.call)
                found = found.made_of if isinstance(found, Pipeline) and found.made_of else found
                function = found.function if isinstance(found, Step) else found
            value, attempts = self._attempts(function)
            with self._part("keep"):
                named = self._checked(function, value)
                links = self.values.keep(named, step=self.task.node)
        evaluations = {name: _plain(one) for name, one in named if isinstance(one, Evaluation)}
        return Reply(self.task.node, links, evaluations, attempts, self.seconds)

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        except LooplineError as error:
            raise _AroundError(error) from error
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def _attempts(self, function: Callable[..., Any]) -> tuple[Any, int]:
        attempt = 0
        while True:
            attempt += 1
            with self._part("fetch"):
                args, kwargs = self._arguments(function)
            began = time.perf_counter()
            try:
                return _within(self.task.timeout, self.task.node, lambda: function(*args, **kwargs)), attempt  # noqa: B023 (called before the next turn)
            except Exception:
                if attempt > self.task.retries:
                    raise
                traceback.print_exc()
                rest = f"attempt {attempt} of {self.task.retries + 1}; the next in {self.task.retry_delay:g} s"
                print(f"step {self.task.node}: {rest}", file=sys.stderr, flush=True)  # noqa: T201 - the job's log
                time.sleep(self.task.retry_delay)
            finally:
                self.seconds["call"] = self.seconds.get("call", 0.0) + time.perf_counter() - began

    def _arguments(self, function: Callable[..., Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Make the arguments afresh: an attempt that failed may have changed those it had."""
        signature = inspect.signature(function)
        bound = signature.bind_partial()
        for name, plain in json.loads(self.task.arguments):
            argument = from_plain(plain)
            bound.arguments[name] = self._argument(argument, annotation_of(function, name))
        return bound.args, bound.kwargs

    def _argument(self, argument: Argument, annotation: Any) -> Any:
        choices = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        return build(argument, lambda leaf: self._input(leaf, choices))

    def _input(self, leaf: Leaf, choices: tuple[Any, ...]) -> Any:
        """Give what a step's parameter asks for by its annotation: files, a handle of a model, or the value itself."""
        link = self.inputs[_key(leaf)]
        if link is None:
            return None
        artifact = Artifact(link.digest, link.media_type, link.size)
        pointer = leaf.pointer if isinstance(leaf, AssetInput) else ""
        files = isinstance(leaf, AssetInput) and leaf.kind == "data" and is_tree(link.media_type)
        if Data in choices or (files and Path not in choices):
            reach = lambda: self.values.folder(artifact)  # noqa: E731 - a thunk
            return given(Data(pointer), digest=link.digest, number=link.number, reach=reach)
        if Model in choices:
            reach = lambda: self.values.take(artifact)  # noqa: E731 - a thunk
            return given(Model(pointer), digest=link.digest, number=link.number, reach=reach)
        return self.values.take(artifact)

    def _checked(self, function: Callable[..., Any], value: Any) -> list[tuple[str, Any]]:
        """Name the outputs. Raise Invalid wrong-type where they are not what the step promises."""
        task = self.task
        annotation = annotation_of(function, "return")
        if not task.several:
            return [(task.outputs[0], self._fitting(task.outputs[0], value, annotation))]
        if not isinstance(value, tuple) or len(value) != len(task.outputs):
            found = f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a {type(value).__name__}"
            raise self._wrong(", ".join(task.outputs), f"a tuple of {len(task.outputs)}", found)
        members = get_args(annotation) if get_origin(annotation) is tuple else ()
        if len(members) != len(value):
            members = (UNKNOWN,) * len(value)
        rows = zip(task.outputs, value, members, strict=True)
        return [(name, self._fitting(name, one, member)) for name, one, member in rows]

    def _fitting(self, name: str, value: Any, annotation: Any) -> Any:
        choices = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        if isinstance(value, Data):
            return value.path
        if isinstance(value, Model):
            return value.value
        if Data not in choices and Model not in choices and not fits(value, annotation):
            raise self._wrong(name, spelled(annotation), f"a {type(value).__name__}")
        return value

    def _wrong(self, output: str, promised: str, found: str) -> Invalid:
        return Invalid(
            f"step {self.task.node} promises {output} as {promised} and gave {found}",
            kind="wrong-type",
            hint="return what the annotation says, or change the annotation",
            step=self.task.node,
            output=output,
            promised=promised,
            found=found,
        )


def _within(seconds: float | None, step: str, call: Callable[[], Any]) -> Any:
    """Call, and raise TimeoutError when it takes longer.

    In a process's first thread the call is interrupted where Python runs next; in any other it is left behind.
    """
    if seconds is None:
        return call()
    late = f"step {step} took longer than {seconds:g} s"
    if threading.current_thread() is not threading.main_thread():
        return _left_behind(seconds, late, call)

    def interrupt(*_: object) -> None:
        raise _Overdue

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    except _Overdue:
        raise TimeoutError(late) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _left_behind(seconds: float, late: str, call: Callable[[], Any]) -> Any:
    done: list[tuple[bool, Any]] = []

    def run() -> None:
        try:
            done.append((True, call()))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            done.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise TimeoutError(late)
    good, result = done[0]
    if not good:
        raise result
    return result


class _Overdue(BaseException):
    """Interrupts a step, also through `except Exception`."""


def _plain(evaluation: Evaluation) -> Evaluation:
    """Give it as it was kept: without a library's own numbers, which do not cross to another process."""
    codec = EvaluationCodec()
    return codec.from_bytes(codec.to_bytes(evaluation))


@lru_cache(maxsize=8)
def _values(place: Place) -> Values:
    blobs = _open(place.blobs)
    return Values(blobs, _open(place.folders, blobs), dict(place.codecs), Path(place.cache))


def _open(opening: Opening, *first: Any) -> Any:
    module, _, name = opening.call.partition(":")
    return getattr(import_module(module), name)(*first, *opening.args)


def _key(leaf: Leaf) -> str:
    match leaf:
        case OutputOf(node, name):
            return f"{node}.{name}"
        case AssetInput(name):
            return f"@{name}"
