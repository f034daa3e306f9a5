"""Steps and pipelines as their authors meet them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.pipelines.step import Output, pipeline, step


@step
def double(x: int) -> int:
    """Double it."""
    return 2 * x


@step(retries=2, retry_delay=0.5, timeout=3, cache=False, name="twice", outputs=("a", "b"))
def both(x: int) -> tuple[int, int]:
    """Give two."""
    return x, x


@pipeline(name="all")
def everything(x: int = 2) -> int:
    """Run it."""
    return double(double(x))


def test_a_step_called_by_itself_runs() -> None:
    """Outside a pipeline a step is the function that it was, with its name and words."""
    assert double(4) == 8
    assert (double.__name__, double.__doc__) == ("double", "Double it.")
    assert both(1) == (1, 1)


def test_a_pipeline_called_by_itself_runs_its_steps() -> None:
    """A pipeline's body is plain code when nobody traces it."""
    assert everything() == 8


def test_options_are_kept() -> None:
    """What the decorator says is there to be read."""
    options = both.options
    assert (options.retries, options.retry_delay, options.timeout, options.cache) == (2, 0.5, 3.0, False)
    assert (both.name, both.outputs, double.name, everything.name) == ("twice", ("a", "b"), "double", "all")
    assert double.call == f"{__name__}:double"


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"retries": True},
        {"retries": 1.5},
        {"retry_delay": -1},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"cache": "no"},
        {"outputs": "a"},
        {"outputs": ("a", "a")},
        {"outputs": ("not a name",)},
        {"retires": 2},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """A wrong option is told where it is written, not when the step runs."""
    with pytest.raises(Invalid) as caught:
        step(**options)
    assert caught.value.kind == "bad-option"
    assert caught.value.facts["option"] == next(iter(options))


def _generator() -> Any:
    yield 1


async def _asynchronous() -> None:
    pass


@pytest.mark.parametrize("thing", [3, "text", int, _generator, _asynchronous])
def test_only_functions_that_return_can_be_steps(thing: Any) -> None:
    """A class, a value, a generator or a coroutine is no step."""
    for decorator in (step, pipeline):
        with pytest.raises(Invalid) as caught:
            decorator(thing)
        assert caught.value.kind == "not-a-function"


USES = {
    "if": lambda x: 1 if x else 2,
    "==": lambda x: x == 1,
    "<": lambda x: x < 1,
    "in": lambda x: 1 in x,
    "+": lambda x: x + 1,
    "1 +": lambda x: 1 + x,
    "**": lambda x: 2**x,
    "-x": lambda x: -x,
    "<<": lambda x: x << 1,
    "f-string": lambda x: f"{x}",
    "str": str,
    "int": int,
    "float": float,
    "len": len,
    "for": list,
    "[0]": lambda x: x[0],
    "attribute": lambda x: x.shape,
    "call": lambda x: x(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_an_output_cannot_be_used_as_a_value(use: Any) -> None:
    """Whatever looks into an output before its step has run is an error that says where the line belongs."""
    with pytest.raises(Invalid) as caught:
        use(Output("fit", "result"))
    assert caught.value.kind == "output-used-as-value"
    assert caught.value.facts == {"node": "fit", "output": "result"}
    assert "into a step" in caught.value.hint


def test_an_output_can_be_shown_and_kept() -> None:
    """Debuggers, sets and hasattr of Python's own protocols work."""
    output = Output("fit", "result")
    assert repr(output) == "<output result of fit>"
    assert len({output, output}) == 1
    assert not hasattr(output, "__array__")


def test_importing_the_decorators_is_cheap() -> None:
    """A project's module pays nothing for `from loopline import step, pipeline`."""
    code = (
        "import sys, typing; before = set(sys.modules); from loopline import step, pipeline;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"dataclasses", "inspect", "msgspec", "ast", "json", "asyncio"} & set(loaded)
    assert len(loaded) < 25
