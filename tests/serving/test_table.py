"""Rows put together as a model wants them, and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loopline.errors import Invalid
from loopline.nouns.datatype import pack
from loopline.nouns.signature import Column, Signature
from loopline.serving.question import Given
from loopline.serving.table import Part, Table

FLIGHT = Signature(
    (
        Column("carrier", "BYTES", values=("AA", "UA")),
        Column("minute", "INT64", low=0, high=1439),
        Column("temp", "FP64", nullable=True, low=10, high=100),
        Column("holiday", "BOOL"),
    ),
    (),
)
IRIS = Signature(tuple(Column(f"x{at}", "FP64", low=0, high=10) for at in range(3)), ())


def flight(**changes: Any) -> Part:
    """Two rows of a flight, some columns otherwise (None: without that column)."""
    columns: dict[str, Any] = {
        "carrier": ["AA", "UA"],
        "minute": [5, 900],
        "temp": [50.0, None],
        "holiday": [True, False],
    }
    columns |= changes
    return Part(2, [Given(name, "", 1, data) for name, data in columns.items() if data is not None], ())


def test_a_frame_has_the_columns_of_training() -> None:
    """Columns stand in the order and in the types of training, whatever order they came in, over several questions."""
    frame, warnings = Table(FLIGHT, frame=True).build([flight(), Part(2, flight().columns[::-1], ())])
    assert list(frame.columns) == ["carrier", "minute", "temp", "holiday"]
    assert [str(kind) for kind in frame.dtypes][1:] == ["int64", "float64", "bool"]
    assert frame["carrier"].tolist() == ["AA", "UA", "AA", "UA"]
    assert frame["temp"].isna().tolist() == [False, True, False, True]
    assert warnings == [[], []]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"carrier": None}, "input-missing"),
        ({"carrier": [1, 2]}, "bad-type"),
        ({"carrier": ["AA", None]}, "input-null"),
        ({"minute": ["5", "6"]}, "bad-type"),
        ({"minute": [5, True]}, "bad-type"),
        ({"minute": [5.5, 6]}, "bad-type"),
        ({"minute": [5, None]}, "input-null"),
        ({"minute": [5, 10**30]}, "bad-number"),
        ({"temp": [float("inf"), 1.0]}, "not-finite"),
        ({"temp": ["hot", 1.0]}, "bad-type"),
        ({"holiday": [2, 0]}, "bad-type"),
    ],
)
def test_what_a_model_cannot_take_is_refused(changes: dict[str, Any], kind: str) -> None:
    """A name that is missing, another type, a missing value where training had none: an error that names the column."""
    with pytest.raises(Invalid) as caught:
        Table(FLIGHT, frame=True).build([flight(**changes)])
    assert caught.value.kind == kind
    assert caught.value.facts["column"] == next(iter(changes))


def test_what_training_never_had_is_a_warning_of_its_own_question() -> None:
    """A range that is left, a new category and an unknown column are told to whoever sent them and to nobody else."""
    odd = flight(carrier=["ZZ", "UA"], temp=[500.0, 20.0], colour=["red", "red"])
    _, warnings = Table(FLIGHT, frame=True).build([flight(), odd, flight()])
    assert warnings[0] == warnings[2] == []
    assert any("carrier" in text and "ZZ" in text for text in warnings[1])
    assert any("temp" in text and text.endswith("1 row") for text in warnings[1])
    assert any("colour" in text for text in warnings[1])


def test_a_declared_column_is_no_surprise() -> None:
    """A column that the service uses beside the model (a unit, a time) draws no warning."""
    part = flight(scheduled=["2013-07-01", "2013-07-02"])
    assert Table(FLIGHT, frame=True, expected=("scheduled",)).build([part])[1] == [[]]


@pytest.mark.parametrize("form", ["list", "raw"])
def test_numbers_may_come_as_one_matrix(form: str) -> None:
    """A model of numbers takes one tensor of all columns, of any name, as a list or raw, from several questions at once."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 60.0]
    given = Given("input-0", "FP64", 3, values if form == "list" else pack("FP64", values))
    matrix, warnings = Table(IRIS, frame=False).build([Part(2, [given], ()), Part(2, [given], ())])
    assert matrix.tolist() == [[1, 2, 3], [4, 5, 60]] * 2
    assert ["x2" in text for text in warnings[1]] == [True]
    frame, _ = Table(IRIS, frame=True).build([Part(2, [given], ())])
    assert list(frame.columns) == ["x0", "x1", "x2"]


def test_a_matrix_and_columns_may_be_asked_about_together() -> None:
    """One client sends a matrix, another names its columns: one batch."""
    one = Part(1, [Given("any", "FP32", 3, np.array([1, 2, 3], "<f4").tobytes())], ())
    other = Part(1, [Given(f"x{at}", "", 1, [at]) for at in range(3)], ())
    assert Table(IRIS, frame=False).build([one, other])[0].tolist() == [[1, 2, 3], [0, 1, 2]]


def test_missing_numbers_of_a_matrix_are_refused() -> None:
    """NaN in a raw matrix is a missing value like any other."""
    given = Given("any", "FP64", 3, pack("FP64", [1.0, float("nan"), 2.0]))
    with pytest.raises(Invalid) as caught:
        Table(IRIS, frame=False).build([Part(1, [given], ())])
    assert (caught.value.kind, caught.value.facts["column"]) == ("input-null", "x1")


def test_a_model_that_does_not_say_what_it_wants_gets_what_comes() -> None:
    """Without a signature, one tensor is a matrix and named columns are a frame."""
    table = Table(Signature((), ()), frame=False)
    assert table.build([Part(1, [Given("x", "FP64", 2, [1, 2])], ())])[0].tolist() == [[1, 2]]
    assert list(table.build([flight()])[0].columns) == ["carrier", "minute", "temp", "holiday"]
