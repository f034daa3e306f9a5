"""Rows: whatever values come, a column has one type that holds them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from loopline.signals.entry import batched, encode, head_of
from loopline.signals.frames import framed
from loopline.signals.rows import array_of, read, together
from tests.signals.recorded import columns, entry


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], "int64", [1, None]),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([True, None], "bool", [True, None]),
        (["a", 1, True, None, [1], b"\xff"], "string", ["a", "1", "true", None, "[1]", "\\xff"]),
        ([2**64 - 1, "x"], "string", [str(2**64 - 1), "x"]),
        ([[1, 2], [3]], "string", ["[1, 2]", "[3]"]),
        ([None, None], "null", [None, None]),
    ],
)
def test_values_find_a_type(values: list[Any], kind: str, expected: list[Any]) -> None:
    """Numbers, truths and texts are kept as they are; a mixture is text."""
    found = array_of(values)
    assert (str(found.type), found.to_pylist()) == (kind, expected)


def test_batches_of_other_types_are_put_together() -> None:
    """Whole numbers become doubles beside doubles, everything becomes text beside text, nothing fits everywhere."""
    batches = [
        (1, {"a": pa.array([1]), "b": pa.array([1])}),
        (1, {"a": pa.array([0.5]), "b": pa.array(["x"])}),
        (1, {"b": pa.nulls(1)}),
    ]
    assert together(batches, facts=()).to_pylist() == [
        {"a": 1.0, "b": "1"},
        {"a": 0.5, "b": "x"},
        {"a": None, "b": None},
    ]


def test_a_damaged_entry_costs_no_other_of_its_batch() -> None:
    """It is set aside as a batch of its own, with the names that it needs to be read again."""
    head, bad = head_of(("x", "y")), encode(entry(2, inputs=columns(distance=[1, 2, 3]), rows=2))
    data = framed(batched(head, [encode(entry(1)), bad, encode(entry(3))])) + framed(encode(entry(4)))
    damaged: list[bytes] = []
    assert read(data, damaged)["id"].to_pylist() == [f"{number:032x}:0" for number in (1, 3, 4)]
    assert damaged == [framed(batched(head, [bad]))]
    again: list[bytes] = []
    assert read(damaged[0], again).num_rows == 0
    assert again == damaged
    cut = framed(batched(head, [bad])[:-1])
    assert read(cut, again).num_rows == 0
    assert again == [*damaged, cut]
