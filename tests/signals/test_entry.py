"""Entries: what a front has encoded goes in as it is, and comes out as columns."""

from __future__ import annotations

import struct

import msgspec
import pytest

from loopline.signals.entry import Damaged, columns_of, decode, encode
from tests.signals.recorded import columns, entry


def test_an_entry_is_read_as_it_was_written() -> None:
    """Inputs and outputs pass through unlooked at."""
    one = entry(5, units=["UA1"], error="slow")
    back = decode(encode(one))
    assert (bytes(back.inputs), back.id, back.units, back.error) == (bytes(one.inputs), one.id, ["UA1"], "slow")


@pytest.mark.parametrize(
    ("written", "rows", "expected"),
    [
        ([1, 2], 2, {"x": [1, 2]}),
        ([0.1, 0.9, 0.2, 0.8], 2, {"x[0]": [0.1, 0.2], "x[1]": [0.9, 0.8]}),
        ([[0.1, 0.9]], 1, {"x[0]": [0.1], "x[1]": [0.9]}),
        ({"dtype": "FP64", "data": struct.pack("<2d", 0.25, 0.75)}, 1, {"x[0]": [0.25], "x[1]": [0.75]}),
        ({"dtype": "FP16", "data": struct.pack("<2e", 1, 2)}, 2, {"x": [1.0, 2.0]}),
        ({"dtype": "BYTES", "data": b"\x02\0\0\0UA\0\0\0\0"}, 2, {"x": ["UA", ""]}),
        ([], 0, {}),
    ],
)
def test_columns_have_one_value_a_row(written: object, rows: int, expected: dict[str, list[object]]) -> None:
    """Lists, lists of lists and binary tensors become columns; a matrix becomes one column for each of its own."""
    assert columns_of(columns(x=written), rows) == expected


@pytest.mark.parametrize(
    "written",
    [
        7,
        "text",
        [1, 2, 3],
        {"dtype": "FP64", "data": b"123"},
        {"dtype": "NO", "data": b""},
        {"dtype": "BYTES", "data": b"\x09"},
    ],
)
def test_columns_that_do_not_fit_are_damage(written: object) -> None:
    """Values that are not one a row, or no values, are never guessed at."""
    with pytest.raises(Damaged):
        columns_of(columns(x=written), 2)


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc1", msgspec.msgpack.encode(["id"]), b"\x91" * 5000])
def test_bytes_that_are_no_entry_are_damage(data: bytes) -> None:
    """Whatever stands in a frame, reading gives an entry or says that there is none."""
    with pytest.raises(Damaged):
        decode(data)
