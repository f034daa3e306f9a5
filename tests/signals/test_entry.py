"""Entries: what a front has encoded goes in as it is, and comes out as columns."""

from __future__ import annotations

import struct

import msgspec
import pytest

from loopline.signals.entry import Damaged, batched, columns_of, decode, encode, head_of, unbatched
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


MATRIX = struct.pack("<4d", 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("written", "names", "expected"),
    [
        ([("m", "FP64", 2, [1, 2, 3, 4])], ("x", "y"), {"x": [1, 3], "y": [2, 4]}),
        ([("m", "FP64", 2, MATRIX)], ("x", "y"), {"x": [1.0, 3.0], "y": [2.0, 4.0]}),
        ([("m", "", 2, [1, None, "a", 4])], ("x", "y"), {"x": [1, "a"], "y": [None, 4]}),
        ([("m", "FP64", 2, MATRIX)], ("x", "y", "z"), {"m[0]": [1.0, 3.0], "m[1]": [2.0, 4.0]}),
        ([("m", "FP64", 2, MATRIX)], (), {"m[0]": [1.0, 3.0], "m[1]": [2.0, 4.0]}),
        (
            [("m", "FP64", 2, MATRIX), ("n", "", 1, [7, 8])],
            ("x", "y"),
            {"m[0]": [1.0, 3.0], "m[1]": [2.0, 4.0], "n": [7, 8]},
        ),
        ([("x", "", 1, [1, 2]), ("y", "FP64", 1, MATRIX[16:])], ("x", "y"), {"x": [1, 2], "y": [3.0, 4.0]}),
        ([("m", "FP64", 1, [1, 2])], ("x",), {"x": [1, 2]}),
        ([("m", "", 1, [1, 2])], ("x",), {"m": [1, 2]}),
        ([("y", "FP64", 1, [1, 2])], ("x", "y"), {"y": [1, 2]}),
        ([("predict", "FP64", [2], MATRIX)], (), {"predict[0]": [1.0, 3.0], "predict[1]": [2.0, 4.0]}),
        ([("m", "", 0, [1, 2])], (), {"m": [1, 2]}),
        ([], ("x",), {}),
    ],
)
def test_what_goes_in_as_it_came_is_named_by_who_reads_it(
    written: list[object], names: tuple[str, ...], expected: dict[str, list[object]]
) -> None:
    """One matrix of all inputs becomes what the model calls them; whatever is something else keeps its own name."""
    assert columns_of(msgspec.Raw(encode(written)), 2, names=names) == expected


@pytest.mark.parametrize(
    "written",
    [
        [("m", "FP64", 2, [1, 2, 3])],
        [("m", "FP64", 2, MATRIX + b"1")],
        [("m", "BYTES", 2, b"\x09")],
        [("m", "FP64", 2)],
        [("m", "FP64", 0, [1])],
        [("m", "", 1, 7)],
    ],
)
def test_a_matrix_that_does_not_fit_is_damage(written: list[object]) -> None:
    """Values are never put under names that they may not belong to."""
    with pytest.raises(Damaged):
        columns_of(msgspec.Raw(encode(written)), 2, names=("x", "y"))


def test_a_batch_gives_its_entries_and_their_names() -> None:
    """What was encoded before is in it as it was; an entry that is alone is a frame as it always was."""
    many = [encode(entry(number)) for number in range(20)]
    assert unbatched(batched(head_of(("x", "y")), many)) == (("x", "y"), many)
    assert unbatched(many[0]) == ((), many[:1])
    assert decode(many[3]).id == f"{3:032x}"


@pytest.mark.parametrize("broken", [b"", b"\x91", b"\x91\xa1x", b"\x91\xa1x\xdd\0\0\0\x02\x01", b"\x91\x07\x90"])
def test_a_batch_that_is_cut_is_damage(broken: bytes) -> None:
    """It gives no entry rather than some."""
    with pytest.raises(Damaged):
        unbatched(head_of(())[:2] + broken)


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc1", msgspec.msgpack.encode(["id"]), b"\x91" * 5000])
def test_bytes_that_are_no_entry_are_damage(data: bytes) -> None:
    """Whatever stands in a frame, reading gives an entry or says that there is none."""
    with pytest.raises(Damaged):
        decode(data)
