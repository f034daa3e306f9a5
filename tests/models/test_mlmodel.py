"""What an MLmodel file says is read without a YAML library, and whatever else stands there does no harm."""

from __future__ import annotations

import json

import pytest

from loopline.models.mlmodel import facts, read
from loopline.models.signature import parse

WRITTEN = """\
artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.skops
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.skops
    serialization_format: skops
    sklearn_version: 1.9.1
    skops_trusted_types:
    - a: b
    - c
signature:
  inputs: '[{"type": "double", "name": "km", "required": true}, {"type": "string",
    "name": "carrier''s name", "required": false}, {"type": "long", "name":
    "n", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-11-30 02:49:14.452209'
"""


def test_a_file_that_was_written_by_a_client_is_read() -> None:
    """Texts that are folded over lines are whole, with quotes inside."""
    found = facts(WRITTEN.encode())
    assert {name: found[name] for name in ("flavour", "class", "pickle", "versions")} == {
        "flavour": "pyfunc", "class": "mlflow.sklearn", "pickle": False, "versions": {"sklearn": "1.9.1", "python": "3.11"},
    }  # fmt: skip
    signature = parse(found["signature"])
    assert [(one.name, one.type, one.nullable) for one in signature.inputs] == [
        ("km", "FP64", False), ("carrier's name", "BYTES", True), ("n", "INT64", False),
    ]  # fmt: skip
    assert [(one.name, one.type) for one in signature.outputs] == [("x0", "FP64")]
    assert json.dumps(found)


@pytest.mark.parametrize(
    ("own", "pickle"),
    [
        ("sklearn:\n    serialization_format: cloudpickle", True), ("xgboost:\n    model_format: json", False),
        ("xgboost:\n    model_format: json\n    code: code", True), ("pytorch:\n    model_data: data", True),
        ("lightgbm:\n    data: model.lgb", False), ("unheard:\n    a: b", True), ("", True),
    ],
)  # fmt: skip
def test_what_may_run_code_is_said(own: str, pickle: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """Where it is not known, it may."""
    text = f"flavors:\n  python_function:\n    loader_module: x\n  {own}\n"
    assert facts(text.encode())["pickle"] is pickle


def test_a_tensor_without_a_name_has_the_columns_of_an_array() -> None:
    """A named one stays whole."""
    spec = '{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}'
    for more, names in (("}", ["x0", "x1", "x2"]), (', "name": "image"}', ["image"])):
        text = f"flavors:\n  onnx:\n    a: b\nsignature:\n  inputs: '[{spec}{more}]'\n"
        assert [one["name"] for one in facts(text.encode())["signature"]["inputs"]] == names


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe", b"flavors: x", b"flavors:\n- a", b"a: 'never closed\n" * 50, b'a: "b\\', b"flavors:\n  x: {a: b}",
        b"\n".join(b" " * depth + b"a:" for depth in range(5000)), b"signature:\n  inputs: '[[[]]]'", b"{" * 10_000,
        b"flavors:\n  a:\n    b: c\nsignature:\n  inputs: '[1, {}, {\"type\": [1]}, {\"tensor-spec\": {\"shape\": 3}}]'",
        b"flavors:\n  a:\n    b: c\nsignature:\n  inputs: '" + b"[" * 100_000 + b"'",
    ],
)  # fmt: skip
def test_anything_else_does_no_harm(data: bytes) -> None:
    """Metadata of what is no such file are few, and are JSON."""
    assert len(json.dumps(facts(data))) < 2000


def test_a_text_with_escapes_is_read() -> None:
    """As a YAML writer folds it where it holds what is not plain."""
    assert read("a: \"x\\ty \\\n  \\ z\"\nb: 'it''s'\n") == {"a": "x\ty  z", "b": "it's"}
