"""MLflow's scoring protocol."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid, Unavailable
from loopline.faces.inference import scoring
from loopline.nouns.datatype import pack
from loopline.nouns.signature import Column, Signature
from loopline.serving.question import Answer, Made

SIGNATURE = Signature(
    (Column("km", "FP64"), Column("city", "BYTES")), (Column("predict", "INT64"), Column("predict_proba", "FP64"))
)
NUMBERS = Signature((Column("a", "FP64"), Column("b", "FP64")), ())


def read(asked: Any, signature: Signature = SIGNATURE, media: str = "application/json") -> Any:
    """Read a request."""
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return scoring.read(body, media, signature, new_id=lambda: "new")


def columns(question: Any) -> dict[str, Any]:
    """What each input holds."""
    return {one.name: one.data for one in question.columns}


@pytest.mark.parametrize(
    "asked",
    [
        {
            "dataframe_split": {"columns": ["km", "city"], "index": [0, 1], "data": [[1.5, "Oslo"], [2, None]]},
            "params": {},
        },
        {"dataframe_records": [{"km": 1.5, "city": "Oslo"}, {"km": 2}]},
        {"instances": [{"km": 1.5, "city": "Oslo"}, {"km": 2, "city": None}]},
        {"instances": [[1.5, "Oslo"], [2, None]]},
        {"inputs": {"km": [1.5, 2], "city": ["Oslo", None]}},
        {"dataframe_split": {"columns": [0, 1], "data": [[1.5, "Oslo"], [2, None]]}},
        {"dataframe_split": {"data": [[1.5, "Oslo"], [2, None]]}},
    ],
)
def test_every_form_gives_the_same_rows(asked: Any) -> None:
    """Split, records, instances and inputs are ways of writing the same table; what is asked of it is `predict`."""
    question = read(asked)
    assert (question.id, question.rows, question.outputs) == ("new", 2, ("predict",))
    assert columns(question) == {"km": [1.5, 2], "city": ["Oslo", None]}


def test_rows_without_names_stand_where_the_signature_has_them() -> None:
    """A matrix of another width than the model's goes as it is, and a picture is its values in a row."""
    assert columns(read({"inputs": [[1, 2], [3, 4]]}, NUMBERS)) == {"a": [1, 3], "b": [2, 4]}
    wide = read({"instances": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}, NUMBERS)
    assert (wide.rows, wide.columns[0].width, wide.columns[0].data) == (2, 4, [1, 2, 3, 4, 5, 6, 7, 8])
    assert columns(read({"instances": [1, 2]}, Signature((Column("a", "FP64"),), ()))) == {"a": [1, 2]}
    assert columns(read({"inputs": {"a": 1, "b": 2}}, NUMBERS)) == {"a": [1], "b": [2]}


def test_csv_is_read_as_the_signature_says() -> None:
    """Numbers are numbers, what the model takes as text stays text, and an empty cell is missing."""
    question = read(b'km,city,extra,flag\r\n1,007,x,True\r\n,"a,b",,false\r\n', media="text/csv; charset=utf-8")
    assert columns(question) == {"km": [1, None], "city": ["007", "a,b"], "extra": ["x", None], "flag": [True, False]}


@pytest.mark.parametrize(
    ("asked", "media"),
    [
        ([], ""),
        ({}, ""),
        ({"inputs": [1], "instances": [1]}, ""),
        ({"inputs": []}, ""),
        ({"inputs": {}}, ""),
        ({"inputs": {"a": [1], "b": []}}, ""),
        ({"inputs": "text"}, ""),
        ({"instances": [[1], [1, 2]]}, ""),
        ({"instances": [[{"a": 1}]]}, ""),
        ({"instances": [{"a": [1]}]}, ""),
        ({"dataframe_records": [1]}, ""),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, ""),
        ({"dataframe_split": {"columns": ["a"]}}, ""),
        (b"{", ""),
        (b"\xff", "text/csv"),
        (b"a,b\n1\n", "text/csv"),
        (b"", "text/csv"),
        (b"a", "application/x-parquet"),
    ],
)
def test_what_is_no_request_is_refused(asked: Any, media: str) -> None:
    """Two forms at once, none, tables that are not square and other media are errors with the form that is wanted."""
    with pytest.raises(Invalid) as caught:
        read(asked, media=media)
    assert caught.value.hint


@given(st.binary(max_size=100), st.sampled_from(["text/csv", ""]))
def test_any_body_is_a_question_or_an_error(body: bytes, media: str) -> None:
    """Whatever arrives is understood or refused as Invalid."""
    with contextlib.suppress(Invalid):
        assert read(body, media=media).rows > 0


def test_an_answer_is_a_list_of_predictions() -> None:
    """One output is a list, nested as it is shaped; several are an object for each row."""
    one = Made("predict", "INT64", (), pack("INT64", [1, 0]))
    two = Made("score", "FP64", (2,), pack("FP64", [0.5, 0.25, 0.75, 1.0]))
    said = json.loads(scoring.write(Answer("x", 2, [one], ("main",), {})))
    assert said == {"predictions": [1, 0]}
    assert json.loads(scoring.write(Answer("x", 2, [two], ("main",), {}))) == {
        "predictions": [[0.5, 0.25], [0.75, 1.0]]
    }
    both = json.loads(scoring.write(Answer("x", 2, [one, two], ("main",), {})))
    assert both == {"predictions": [{"predict": 1, "score": [0.5, 0.25]}, {"predict": 0, "score": [0.75, 1.0]}]}


def test_errors_say_what_clients_of_the_protocol_look_for() -> None:
    """A client's mistake is BAD_REQUEST, ours is not."""
    assert scoring.told(Invalid("bad rows", kind="x", hint="y"))["error_code"] == "BAD_REQUEST"
    assert scoring.told(Unavailable("gone", kind="x", hint="y"))["error_code"] == "INTERNAL_ERROR"
