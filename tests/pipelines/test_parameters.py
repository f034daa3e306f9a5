"""What a pipeline can be given."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from loopline.errors import Invalid
from loopline.pipelines.inputs import Data, Model
from loopline.pipelines.parameters import bound, parameters_of, parsed
from loopline.pipelines.step import pipeline


@pipeline
def train(
    data: Data = Data("data/flights"),  # noqa: B008 - handles are frozen
    base: Model | None = None,
    days: int = 30,
    *,
    lr: float = 0.1,
    fast: bool = False,
    kind: Literal["tree", "line"] = "tree",
    columns: list[str] | None = None,
    sizes: list[int] = [1],  # noqa: B006 - never changed
    options: dict[str, int] | None = None,
    anything: Any = None,
) -> None:
    """Take one parameter of each sort."""


@pipeline
def judge(candidate: Model, data: Data) -> None:
    """Need both."""


def test_parameters_are_read_from_the_signature() -> None:
    """Kinds, types and defaults are what the author wrote."""
    rows = {one.name: (one.kind, one.type, one.required) for one in parameters_of(train)}
    assert rows["data"] == ("data", "Data", False)
    assert rows["base"] == ("model", "Model or None", False)
    assert rows["kind"] == ("plain", "'tree' or 'line'", False)
    assert [one.required for one in parameters_of(judge)] == [True, True]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("days", "7", 7),
        ("lr", "1e-3", 0.001),
        ("lr", "1", 1.0),
        ("fast", "yes", True),
        ("fast", "False", False),
        ("kind", "line", "line"),
        ("columns", "a, b", ["a", "b"]),
        ("columns", '["a,b"]', ["a,b"]),
        ("columns", "none", None),
        ("sizes", "1,2", [1, 2]),
        ("options", '{"a": 1}', {"a": 1}),
        ("anything", "[1]", [1]),
        ("anything", "word", "word"),
        ("data", "data/flights@2", Data("data/flights@2")),
        ("base", "none", None),
    ],
)
def test_text_becomes_what_the_annotation_says(name: str, text: str, value: object) -> None:
    """The command line's text is read by the parameter's type."""
    read = parsed(train, {name: text})[name]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("days", "many"),
        ("days", "1.5"),
        ("fast", "maybe"),
        ("kind", "forest"),
        ("sizes", "1,b"),
        ("options", "[1]"),
        ("lr", ""),
    ],
)
def test_text_of_the_wrong_type_says_which(name: str, text: str) -> None:
    """The refusal names the parameter and the type that it takes."""
    with pytest.raises(Invalid) as caught:
        parsed(train, {name: text})
    assert caught.value.kind == "wrong-type"
    assert caught.value.facts["parameter"] == name
    assert caught.value.facts["needed"]


def test_an_unknown_parameter_is_told_with_the_nearest() -> None:
    """A typing error is met with a suggestion."""
    for give in (lambda: parsed(train, {"dayz": "3"}), lambda: bound(train, {"dayz": 3})):
        with pytest.raises(Invalid) as caught:
            give()  # type: ignore[no-untyped-call]
        assert caught.value.kind == "unknown-parameter"
        assert caught.value.hint == "did you mean days?"


def test_what_is_missing_is_named() -> None:
    """All missing parameters are named at once."""
    with pytest.raises(Invalid) as caught:
        bound(judge, {})
    assert caught.value.facts["parameters"] == ["candidate", "data"]


def test_values_are_completed_and_checked() -> None:
    """Defaults are filled in, a text for an asset is its pointer, a wrong value is refused."""
    full = bound(train, {"base": "model/delay@champion"})
    assert (full["days"], full["data"].name, full["base"].pointer) == (30, "data", "model/delay@champion")
    for wrong in ({"days": "7"}, {"data": 3}, {"data": Model("model/x")}, {"kind": "forest"}):
        with pytest.raises(Invalid) as caught:
            bound(train, wrong)
        assert caught.value.kind == "wrong-type"
    with pytest.raises(Invalid):
        bound(train, {"data": None})


def test_parameters_need_names() -> None:
    """A pipeline with *args cannot be called from a command line."""

    @pipeline
    def loose(*args: int) -> None:
        """Take anything."""

    with pytest.raises(Invalid) as caught:
        parameters_of(loose)
    assert caught.value.kind == "bad-pipeline"
