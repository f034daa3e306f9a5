"""Columns and tensors of an MLmodel file in our signature."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.models.mltypes import Field, fields_of, outputs_of, signature_of


def tensor(shape: list[int], dtype: str = "float32", name: str = "") -> dict[str, Any]:
    """A tensor, as the file says it."""
    return {"type": "tensor", "name": name, "tensor-spec": {"dtype": dtype, "shape": shape}}


def shown(
    said: list[dict[str, Any]], outputs: list[dict[str, Any]] | None = None
) -> list[tuple[str, str, tuple[int, ...]]]:
    """Inputs, or outputs where they are given, of the signature."""
    found = signature_of(fields_of(said), fields_of(outputs or []))
    assert found is not None
    return [(one.name, one.type, one.shape) for one in (found.outputs if outputs else found.inputs)]


def test_every_type_of_a_column_has_one_of_ours() -> None:
    """Times and bytes travel as text; an object is no value of a table."""
    kinds = ["boolean", "integer", "long", "float", "double", "string", "datetime", "binary", "object"]
    found = shown([{"type": kind, "name": kind} for kind in kinds])
    assert [one[1] for one in found] == ["BOOL", "INT32", "INT64", "FP32", "FP64", "BYTES", "BYTES", "BYTES", ""]


def test_a_tensor_is_a_column_for_each_of_its_places() -> None:
    """A row of a matrix has as many columns as it has values, however they are shaped."""
    assert shown([tensor([-1, 2])]) == [("x0", "FP32", (-1,)), ("x1", "FP32", (-1,))]
    assert len(shown([tensor([-1, 28, 28])])) == 784
    assert shown([tensor([-1], name="a"), tensor([-1], "int64", "b")]) == [("a", "FP32", (-1,)), ("b", "INT64", (-1,))]


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        ([], ["predict"]),
        ([{"type": "double"}], ["predict"]),
        ([{"type": "double", "name": "q"}], ["predict"]),
        ([{"type": "double", "name": "a"}, {"type": "string", "name": "b"}], ["a", "b"]),
        ([{"type": "double"}, {"type": "double"}], ["predict"]),
    ],
)
def test_several_named_outputs_keep_their_names(outputs: list[dict[str, Any]], names: list[str]) -> None:
    """One output, or several without names, is what the model predicts."""
    assert outputs_of(fields_of(outputs)) == names


def test_outputs_without_names_are_one_matrix() -> None:
    """Three columns without names are one output of three values."""
    assert shown([], [{"type": "double"}] * 3) == [("predict", "FP64", (-1, 3))]
    assert shown([], [tensor([-1, 4])]) == [("predict", "FP32", (-1, 4))]


@pytest.mark.parametrize("shape", [(-1, -1), (2, 2), (), (-1, 0), (-1, 200, 200)])
def test_a_shape_of_no_table_has_no_width(shape: tuple[int, ...]) -> None:
    """Rows of any length, no rows, and more values than anybody sends as columns are not served."""
    assert Field("", "float32", shape=shape).width is None
    assert Field("", "complex64", shape=(-1,)).width is None


def test_no_signature_is_none() -> None:
    """Where nobody said anything, nothing is known."""
    assert signature_of((), ()) is None
