"""Requests and responses of the Open Inference Protocol v2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.faces.inference import wire
from loopline.nouns.datatype import pack
from loopline.serving.question import Answer, Made

ARTIFACT = "sha256:" + "a" * 64
STAMP = {"version": "model/iris@3", "artifact": ARTIFACT, "run": "r", "change": "c", "arm": "main"}


def read(asked: Any, *raw: bytes, header: str | None = None) -> Any:
    """Read a request whose tensors may follow it raw."""
    body = json.dumps(asked).encode()
    length = str(len(body)) if raw else ""
    return wire.read(b"".join((body, *raw)), length if header is None else header, new_id=lambda: "new")


def tensor(**changes: Any) -> dict[str, Any]:
    """A tensor of two rows."""
    return {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1.0, 2.0, 3.0, 4.0]} | changes


def test_a_request_is_rows_of_named_values() -> None:
    """Names, types, widths, the id and the wanted outputs are what the client sent; an id is made where it sent none."""
    asked = {"id": "mine", "inputs": [tensor(), tensor(name="y", shape=[2], data=["a", "b"], datatype="BYTES")]}
    question, _ = read({**asked, "outputs": [{"name": "predict"}], "parameters": {"at": 5}})
    assert (question.id, question.rows, question.outputs, question.parameters) == ("mine", 2, ("predict",), {"at": 5})
    assert question.columns == [("x", "FP64", 2, [1.0, 2.0, 3.0, 4.0]), ("y", "BYTES", 1, ["a", "b"])]
    assert read({"inputs": [tensor()]})[0].id == "new"


def test_nested_data_are_rows() -> None:
    """Data may be nested as deep as the shape, or flat."""
    nested = tensor(data=[[1.0, 2.0], [3.0, 4.0]])
    assert read({"inputs": [nested]})[0].columns == read({"inputs": [tensor()]})[0].columns


def test_raw_tensors_follow_the_json() -> None:
    """Tensors may lie behind the JSON in the order in which they are listed, beside others that do not."""
    one, two = pack("FP32", [1.0, 2.0]), pack("BYTES", ["é", ""])
    inputs = [
        {"name": "a", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": len(one)}},
        {"name": "b", "shape": [2], "datatype": "INT64", "data": [5, 6]},
        {"name": "c", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": len(two)}},
    ]
    question, _ = read({"inputs": inputs}, one, two)
    assert question.columns == [("a", "FP32", 1, one), ("b", "INT64", 1, [5, 6]), ("c", "BYTES", 1, ["é", ""])]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"shape": [2, 3]}, "bad-shape"),
        ({"shape": []}, "bad-shape"),
        ({"shape": [0, 2], "data": []}, "bad-shape"),
        ({"shape": [-1, 2]}, "bad-shape"),
        ({"shape": [2**40, 2**40]}, "bad-shape"),
        ({"datatype": "FP17"}, "bad-type"),
        ({"datatype": "FP16"}, "bad-type"),
        ({"datatype": "BF16"}, "bad-type"),
        ({"data": "1,2,3,4"}, "bad-tensor"),
        ({"data": [[1.0, 2.0], 3.0]}, "bad-shape"),
        ({"data": None}, "bad-tensor"),
        ({"name": 5}, "bad-request"),
        ({"parameters": {"binary_data_size": 8}}, "bad-tensor"),
        ({"parameters": {"binary_data_size": -1}}, "bad-tensor"),
        ({"parameters": {"binary_data_size": True}}, "bad-tensor"),
    ],
)
def test_what_is_no_tensor_is_refused(changes: dict[str, Any], kind: str) -> None:
    """Shapes that lie, types that nobody knows, data that are cut: an error before any model is asked."""
    with pytest.raises(Invalid) as caught:
        read({"inputs": [tensor(**changes)]})
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({}, "bad-request"),
        ([], "bad-request"),
        ({"inputs": []}, "bad-request"),
        ({"inputs": [tensor(), tensor()]}, "bad-request"),
        ({"inputs": [tensor(), tensor(name="y", shape=[4])]}, "bad-shape"),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64"}]}, "bad-tensor"),
    ],
)
def test_what_is_no_request_is_refused(asked: Any, kind: str) -> None:
    """A request without inputs, with one twice, or with tensors of different length, is an error."""
    with pytest.raises(Invalid) as caught:
        read(asked)
    assert caught.value.kind == kind


@pytest.mark.parametrize("header", ["-1", "0", "x", "99999", "9" * 40, "1e2"])
def test_a_length_that_lies_is_refused(header: str) -> None:
    """A header that says another length of the JSON than there is cuts nothing."""
    with pytest.raises(Invalid) as caught:
        read({"inputs": [tensor()]}, header=header)
    assert caught.value.kind == "bad-header"


def test_bytes_that_belong_to_nothing_are_refused() -> None:
    """More bytes than the tensors say are an error: somebody counted wrong."""
    with pytest.raises(Invalid) as caught:
        read({"inputs": [tensor()]}, b"rest")
    assert caught.value.kind == "bad-tensor"


@example(b"{}", "²")
@given(st.binary(max_size=200), st.text(max_size=4))
def test_any_body_is_a_question_or_an_error(body: bytes, header: str) -> None:
    """Whatever arrives is understood or refused as Invalid."""
    try:
        wire.read(body, header, new_id=lambda: "new")
    except Invalid:
        return


def test_a_response_tells_values_and_where_they_come_from() -> None:
    """Outputs have their shapes and types, and the stamp stands in the parameters, where clients leave room for it."""
    made = [Made("p", "FP64", (2,), pack("FP64", [0.25, 0.75])), Made("c", "BYTES", (), ["late"])]
    _, asked = read({"inputs": [tensor()]})
    body, size = wire.write(Answer("q", 1, made, ("main",), STAMP, ["x: odd"]), asked, "iris")
    said = json.loads(body)
    assert size == 0
    assert (said["model_name"], said["model_version"], said["id"]) == ("iris", "3", "q")
    assert said["outputs"] == [
        {"name": "p", "datatype": "FP64", "shape": [1, 2], "data": [0.25, 0.75]},
        {"name": "c", "datatype": "BYTES", "shape": [1], "data": ["late"]},
    ]
    assert said["parameters"]["loopline_artifact"] == ARTIFACT
    assert said["parameters"]["loopline_warnings"] == "x: odd"


@pytest.mark.parametrize("how", ["one", "all"])
def test_outputs_may_be_asked_for_raw(how: str) -> None:
    """A client gets raw bytes for the outputs that it asked for so, or for all, and the length of the JSON before them."""
    made = [Made("p", "FP64", (), pack("FP64", [0.25])), Made("c", "BYTES", (), ["é"])]
    outputs = [{"name": "p", "parameters": {"binary_data": True}}, {"name": "c"}]
    more = {"outputs": outputs} if how == "one" else {"parameters": {"binary_data_output": True}}
    _, asked = read({"inputs": [tensor()], **more})
    body, size = wire.write(Answer("q", 1, made, ("main",), STAMP), asked, "iris")
    told = json.loads(body[:size])["outputs"]
    assert body[size:] == pack("FP64", [0.25]) + (pack("BYTES", ["é"]) if how == "all" else b"")
    assert ["data" in one for one in told] == [False, how == "one"]


def test_a_number_without_a_form_in_json_becomes_a_wider_one() -> None:
    """Half precision is answered as FP32 in JSON, as FP16 raw."""
    made = [Made("p", "FP16", (), pack("FP16", [0.5]))]
    _, asked = read({"inputs": [tensor()]})
    said = json.loads(wire.write(Answer("q", 1, made, ("main",), STAMP), asked, "iris")[0])
    assert said["outputs"] == [{"name": "p", "datatype": "FP32", "shape": [1], "data": [0.5]}]
