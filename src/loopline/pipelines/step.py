"""step: functions that stay functions, and become nodes of a graph while a pipeline is traced.

This module is what a user's project imports, so it loads nothing but errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any, Generic, NoReturn, ParamSpec, Protocol, TypeVar, overload

from loopline.errors import Invalid

P = ParamSpec("P")
R = TypeVar("R")


class Recorder(Protocol):
    """Takes note of each step that a pipeline's body calls."""

    def record(self, step: Step[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note one call and give what stands for its result."""


RECORDER: ContextVar[Recorder | None] = ContextVar("loopline-recorder", default=None)
"""Set while a pipeline is traced; None: a step that is called runs."""


class Options:
    """How a step is run. None of it changes what the step gives, so none of it is part of the cache key."""

    __slots__ = ("cache", "retries", "retry_delay", "timeout")

    def __init__(
        self, *, retries: int = 0, retry_delay: float = 0.0, timeout: float | None = None, cache: bool = True
    ) -> None:
        if not _whole(retries) or retries < 0:
            raise bad_option("retries", retries, "write a whole number of at least 0")
        if not _real(retry_delay) or retry_delay < 0:
            raise bad_option("retry_delay", retry_delay, "write seconds, at least 0")
        if timeout is not None and (not _real(timeout) or timeout <= 0):
            raise bad_option("timeout", timeout, "write seconds above 0, or None")
        if not isinstance(cache, bool):
            raise bad_option("cache", cache, "write True or False")
        self.retries = retries
        self.retry_delay = float(retry_delay)
        self.timeout = None if timeout is None else float(timeout)
        self.cache = cache


class Step(Generic[P, R]):
    """A function that a pipeline can run elsewhere and keep the result of. Called by itself it just runs."""

    __name__: str

    def __init__(
        self, function: Callable[P, R], options: Options, *, name: str = "", outputs: tuple[str, ...] = ()
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self.options = options
        self.name = name or function.__name__
        self.outputs = outputs
        """Names of its return values where it gives a tuple of several; empty: it gives one value."""

    @property
    def call(self) -> str:
        """Say where it is found: `module:function`."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function; inside a pipeline that is being traced, give a handle for what it will return."""
        recorder = RECORDER.get()
        if recorder is None:
            return self.function(*args, **kwargs)
        result: R = recorder.record(self, args, kwargs)
        return result

    def __repr__(self) -> str:
        """Name it."""
        return f"<step {self.call}>"


class Pipeline(Generic[P, R]):
    """A function whose body calls steps. Called by itself it runs them one after the other, as plain functions."""

    def __init__(self, function: Callable[P, R], *, name: str = "", made_of: Step[..., Any] | None = None) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name or function.__name__
        self.made_of = made_of
        """Its one step, where both are made of one function: a worker that looks for the step finds the pipeline."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the body. Inside another pipeline that is being traced its steps join that pipeline's graph."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """Name it."""
        return f"<pipeline {self.name}>"


class Output:
    """What a step will return once it has run. It can be given to other steps and published, nothing else."""

    __slots__ = ("__weakref__", "name", "node")

    def __init__(self, node: str, name: str) -> None:
        self.node = node
        self.name = name

    def __repr__(self) -> str:
        """Name it, so that debuggers and tracebacks can."""
        return f"<output {self.name} of {self.node}>"

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse: only a step may look inside. Python's own protocols are told that there is nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse(f"reads .{name} of")

    def refuse(self, what: str) -> NoReturn:
        """Raise Invalid: a pipeline's body does to it what only a step may do."""
        raise Invalid(
            f"the pipeline {what} the output of step {self.node}, which does not exist before the step has run",
            kind="output-used-as-value",
            hint="move this line into a step and give it the output as an argument",
            node=self.node,
            output=self.name,
        )


def _refusing(what: str) -> Callable[..., NoReturn]:
    def refuse(self: Output, *_: object) -> NoReturn:
        self.refuse(what)

    return refuse


_OPERATORS = "add sub mul truediv floordiv mod divmod pow matmul and or xor"
_USES: Mapping[str, str] = {
    **dict.fromkeys(("bool",), "decides on"),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "contains"), "compares"),
    **dict.fromkeys(
        tuple(f"{side}{name}" for name in _OPERATORS.split() for side in ("", "r")),
        "computes with",
    ),
    **dict.fromkeys(("lshift", "rshift", "neg", "pos", "abs", "invert", "round"), "computes with"),
    **dict.fromkeys(("int", "float", "complex", "index"), "makes a number of"),
    **dict.fromkeys(("str", "format", "bytes", "fspath"), "makes text of"),
    **dict.fromkeys(("len", "iter", "getitem", "reversed"), "looks into"),
    **dict.fromkeys(("setitem", "delitem"), "changes"),
    **dict.fromkeys(("call",), "calls"),
    **dict.fromkeys(("enter", "exit"), "opens"),
}
for _name, _what in _USES.items():
    setattr(Output, f"__{_name}__", _refusing(_what))


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    retries: int = 0,
    retry_delay: float = 0.0,
    timeout: float | None = None,
    cache: bool = True,
    name: str = "",
    outputs: tuple[str, ...] = (),
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(function: Callable[..., Any] | None = None, /, *, name: str = "", outputs: Any = (), **options: Any) -> Any:
    """Make a function a step.

    `retries` more attempts after its code raised, `retry_delay` seconds apart; `timeout` seconds for one attempt;
    `cache=False` for what must run every time; `name` where the function's does not say it; `outputs` names the
    members of a returned tuple, so that other steps and assets can take them one by one. Raise Invalid for an option
    that makes no sense.
    """
    unknown = options.keys() - set(Options.__slots__)
    if unknown:
        raise bad_option(min(unknown), options[min(unknown)], f"options are {', '.join(sorted(Options.__slots__))}")
    chosen = Options(**options)
    named = _names(outputs)

    def wrap(function: Callable[..., Any]) -> Step[..., Any]:
        return Step(plain_function(function, "step"), chosen, name=name, outputs=named)

    return wrap if function is None else wrap(function)


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...


@overload
def pipeline(*, name: str = "") -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...


def pipeline(function: Callable[..., Any] | None = None, /, *, name: str = "") -> Any:
    """Make a function a pipeline, to be run by its name.

    It may return a mapping of asset names to outputs: what is published when all of its steps have finished.
    """

    def wrap(function: Callable[..., Any]) -> Pipeline[..., Any]:
        return Pipeline(plain_function(function, "pipeline"), name=name)

    return wrap if function is None else wrap(function)


def plain_function(function: Any, word: str) -> Callable[..., Any]:
    """Give a function that a decorator of this name may stand above. Raise Invalid kind="not-a-function"."""
    if not callable(function) or not hasattr(function, "__qualname__") or isinstance(function, type):
        raise Invalid(
            f"@{word} stands above a {type(function).__name__}, not above a function",
            kind="not-a-function",
            hint=f"write @{word} above a def; options go by keyword, as in @step(retries=2)",
        )
    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & 0x2A0:  # generator, coroutine, asynchronous generator
        raise Invalid(
            f"{function.__qualname__} is a generator or asynchronous: a {word} returns its result",
            kind="not-a-function",
            hint="return a list, or run the loop inside the function",
            function=function.__qualname__,
        )
    return function  # type: ignore[no-any-return]


def _names(outputs: Any) -> tuple[str, ...]:
    if isinstance(outputs, str) or not isinstance(outputs, (tuple, list)):
        raise bad_option("outputs", outputs, 'write a tuple of names, as in outputs=("model", "scores")')
    for name in outputs:
        if not isinstance(name, str) or not name.isidentifier():
            raise bad_option("outputs", name, "each output is named like a variable")
    if len(set(outputs)) != len(outputs):
        raise bad_option("outputs", outputs, "give each output its own name")
    return tuple(outputs)


def bad_option(option: str, value: object, hint: str) -> Invalid:
    """Say that an option makes no sense."""
    return Invalid(f"{option}={value!r} is no option of a step", kind="bad-option", hint=hint, option=option)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN
