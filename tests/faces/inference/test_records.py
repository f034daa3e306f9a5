"""Rows as JSON objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.faces.inference import records
from loopline.nouns.datatype import pack
from loopline.nouns.signature import Column, Signature
from loopline.serving.question import Answer, Made

SIGNATURE = Signature(
    (), (Column("predict", "BYTES", values=("late", "on time")), Column("predict_proba", "FP64", (-1, 2)))
)


def read(asked: Any) -> Any:
    """Read a request."""
    return records.read(json.dumps(asked).encode(), new_id=lambda: "new")


def test_names_that_some_records_lack_are_missing_there() -> None:
    """Columns are all names that any record has, in the order in which they first come."""
    question = read({"records": [{"a": 1, "b": "x"}, {"b": "y", "c": None}], "outputs": ["predict"], "id": "mine"})
    assert (question.id, question.rows, question.outputs) == ("mine", 2, ("predict",))
    assert [(one.name, one.data) for one in question.columns] == [
        ("a", [1, None]),
        ("b", ["x", "y"]),
        ("c", [None, None]),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        [],
        {"records": []},
        {"records": [{}]},
        {"records": {"a": 1}},
        {"records": [{"a": [1]}]},
        {"records": [{"a": 1}], "output": "p"},
    ],
)
def test_what_is_no_request_is_refused(asked: Any) -> None:
    """No records, empty ones, nested values and misspelled keys are errors with the form that is wanted."""
    with pytest.raises(Invalid) as caught:
        read(asked)
    assert caught.value.hint


@given(st.binary(max_size=100))
def test_any_body_is_a_question_or_an_error(body: bytes) -> None:
    """Whatever arrives is understood or refused as Invalid."""
    try:
        records.read(body, new_id=lambda: "new")
    except Invalid:
        return


def test_each_record_gets_its_prediction_and_an_id() -> None:
    """Probabilities are told by class, each row has an id that labels can name, and the stamp is beside them."""
    made = [
        Made("predict", "BYTES", (), ["late", "on time"]),
        Made("predict_proba", "FP64", (2,), pack("FP64", [0.9, 0.1, 0.25, 0.75])),
    ]
    said = json.loads(records.write(Answer("q", 2, made, ("a", "b"), {"change": "c"}, ["odd"]), SIGNATURE))
    assert said == {
        "id": "q",
        "predictions": [
            {"id": "q:0", "arm": "a", "predict": "late", "predict_proba": {"late": 0.9, "on time": 0.1}},
            {"id": "q:1", "arm": "b", "predict": "on time", "predict_proba": {"late": 0.25, "on time": 0.75}},
        ],
        "change": "c",
        "warnings": ["odd"],
    }
