"""Pipelines traced into graphs."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.pipelines.arguments import AssetInput, Constant, OutputOf
from loopline.pipelines.graph import trace
from loopline.pipelines.inputs import Data, Model
from loopline.pipelines.step import Output, pipeline, step


@step
def load(data: Data, days: int = 3) -> list[int]:
    """Load."""
    return [days]


@step(outputs=("train", "test"), retries=3)
def split(rows: list[int]) -> tuple[list[int], list[int]]:
    """Split."""
    return rows, rows


@step
def fit(rows: list[int], lr: float = 0.1) -> dict[str, float]:
    """Fit."""
    return {"lr": lr}


@step
def compare(models: list[Any], base: Any = None) -> str:
    """Compare."""
    return "same"


@pipeline
def whole(data: Data = Data("data/x"), base: Model | None = None, rounds: int = 2) -> dict[str, Any]:  # noqa: B008 - handles are frozen
    """Do everything."""
    train, _ = split(load(data))
    models = [fit(train, lr=number / 10) for number in range(rounds)]
    return {"report/best": compare(models, base=base), "model/last": models[-1]}


def test_a_body_becomes_a_graph() -> None:
    """Nodes, names, arguments and what is published are those of the body, in its order."""
    graph = trace(whole, {})
    assert [node.id for node in graph.nodes] == ["load", "split", "fit", "fit-2", "compare"]
    assert graph.node("load").arguments == (("data", AssetInput("data", "data", "data/x")),)
    assert graph.node("fit-2").arguments == (("rows", OutputOf("split", "train")), ("lr", Constant(0.1)))
    assert graph.node("split").outputs == ("train", "test")
    assert graph.node("split").retries == 3
    assert graph.node("compare").needs == ("fit", "fit-2")
    assert graph.publish == (
        ("model/last", OutputOf("fit-2", "result")),
        ("report/best", OutputOf("compare", "result")),
    )
    assert graph.params == {"base": None, "rounds": 2}
    assert graph.assets == (AssetInput("data", "data", "data/x"),)
    assert graph.dependants()["split"] == ("fit", "fit-2")


def test_tracing_runs_no_step_and_repeats() -> None:
    """The same parameters give an equal graph; steps run again as functions afterwards."""
    assert trace(whole, {"rounds": 3}) == trace(whole, {"rounds": 3})
    assert fit([1]) == {"lr": 0.1}


def test_the_critical_path_decides_how_long_it_takes() -> None:
    """The longest chain of durations is found."""
    graph = trace(whole, {})
    path, seconds = graph.critical_path({"load": 1, "split": 1, "fit": 2, "fit-2": 5, "compare": 1})
    assert (path, seconds) == (("load", "split", "fit-2", "compare"), 8.0)


def test_pipelines_can_be_put_together() -> None:
    """A pipeline inside a pipeline gives its steps to the outer one."""

    @pipeline
    def outer() -> dict[str, Any]:
        """Call another."""
        return {"model/outer": whole(Data("data/y"))["model/last"]}

    graph = trace(outer, {})
    assert [node.id for node in graph.nodes] == ["load", "split", "fit", "fit-2", "compare"]
    assert graph.assets == (AssetInput("data/y", "data", "data/y"),)


STRAY = Output("elsewhere", "result")


def _decides() -> None:
    if fit([1]):
        pass


def _nothing_of_it() -> None:
    fit(nothing=1)  # type: ignore[call-arg]


def _a_set() -> None:
    fit({1, 2})  # type: ignore[arg-type]


def _stray() -> None:
    fit(STRAY)  # type: ignore[arg-type]


def _raises() -> None:
    raise KeyError("x")


def _leaves() -> None:
    raise SystemExit(3)


def _a_list() -> Any:
    return [fit([1])]


def _a_value() -> Any:
    return {"model/x": 3}


def _a_bad_name() -> Any:
    return {"nonsense": fit([1])}


def _a_local_step() -> None:
    @step
    def inside() -> int:
        return 1

    inside()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_decides, "output-used-as-value"),
        (_nothing_of_it, "bad-call"),
        (_a_set, "bad-argument"),
        (_stray, "bad-argument"),
        (_raises, "pipeline-raised"),
        (_leaves, "pipeline-raised"),
        (_a_list, "bad-publish"),
        (_a_value, "bad-publish"),
        (_a_bad_name, "bad-asset"),
        (_a_local_step, "step-not-importable"),
    ],
)
def test_a_body_that_cannot_be_planned_is_refused(body: Any, kind: str) -> None:
    """Each mistake has its own kind, and tracing leaves nothing behind."""
    with pytest.raises(Invalid) as caught:
        trace(pipeline(body), {})
    assert caught.value.kind == kind
    assert caught.value.hint
    assert fit([1]) == {"lr": 0.1}


def test_a_body_that_raises_is_located() -> None:
    """The refusal says which line of the pipeline it was."""
    with pytest.raises(Invalid) as caught:
        trace(pipeline(_raises), {})
    assert caught.value.facts["file"] == __file__
    assert caught.value.facts["line"] == _raises.__code__.co_firstlineno + 1
