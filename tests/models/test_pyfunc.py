"""A model that MLflow loads: rows in its types, answers as arrays. Loading is tested where MLflow is (tests/clients)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loopline.errors import Invalid, Unavailable
from loopline.models.loading import load
from loopline.models.mltypes import Field
from loopline.models.pyfunc import Pyfunc, plain, refuse_unfit, shaped


def written(folder: Path, inputs: str = "[]") -> Path:
    """A folder with a model of XGBoost's."""
    own = {"model_class": "xgboost.core.Booster", "data": "model.ubj", "xgb_version": "3.2.0"}
    flavors = {"python_function": {"loader_module": "mlflow.xgboost"}, "xgboost": own}
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavors, "signature": {"inputs": inputs}}))
    return folder


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MLflow, the error says what to install, with the model's own libraries as they were."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(Unavailable) as caught:
        load(written(tmp_path))
    assert caught.value.kind == "extra-missing"
    assert caught.value.hint == "pip install 'loopline[mlflow]' 'xgboost==3.2.0'"


def test_inputs_that_no_table_holds_are_refused_before_anything_is_imported(tmp_path: Path) -> None:
    """An object in a column, and an image beside another input, are told by name."""
    with pytest.raises(Invalid) as caught:
        load(written(tmp_path, '[{"type": "object", "name": "chat"}]'))
    assert (caught.value.kind, caught.value.facts["column"]) == ("unfit-signature", "chat")
    with pytest.raises(Invalid):
        refuse_unfit([Field("a", "double"), Field("im", "float32", shape=(-1, 8, 8))])


def test_rows_become_the_types_of_the_file() -> None:
    """A 32-bit column is one, a time is a time, bytes are bytes, and a missing text is None."""
    kinds = ("integer", "float", "string", "datetime", "binary", "boolean")
    fields = [Field(name, kind) for name, kind in zip("abcdef", kinds, strict=True)]
    values = [[1, 0.5, "x", "2026-01-02", "aGk=", 1], [2, None, None, None, None, 0]]
    found = shaped(np.array(values, dtype=object), fields)
    assert [str(kind) for kind in found.dtypes] == [
        "int32",
        "float32",
        "object",
        str(found["d"].dtype),
        "object",
        "bool",
    ]
    assert found["d"].dtype.kind == "M"
    assert found["c"].tolist() == ["x", None]
    assert found["e"].tolist() == [b"hi", None]
    again = shaped(pd.DataFrame(values, columns=list("abcdef")), fields)
    pd.testing.assert_frame_equal(found, again)


def test_a_tensor_gets_its_shape_and_a_model_without_signature_what_came() -> None:
    """Sixteen columns are a picture of four by four; tensors with names are a dict of them."""
    matrix = np.arange(32.0).reshape(2, 16)
    found = shaped(matrix, [Field("", "float32", shape=(-1, 4, 4))])
    assert (found.shape, found.dtype) == ((2, 4, 4), np.float32)
    assert shaped(matrix, []) is matrix
    named = shaped(matrix[:, :2], [Field("a", "int64", shape=(-1,)), Field("b", "float64", shape=(-1,))])
    assert (named["a"].tolist(), named["b"].tolist()) == ([0, 16], [1.0, 17.0])


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (pd.DataFrame({"a": [1.0, 2.0]}), [1.0, 2.0]),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), [[1.0, 3.0], [2.0, 4.0]]),
        (pd.Series(["x", "y"]), ["x", "y"]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([{"a": 1}, {"b": [2]}], ['{"a": 1}', '{"b": [2]}']),
        ([[1], [2, 3]], ["[1]", "[2, 3]"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_an_answer_is_one_array(answer: Any, wanted: list[Any]) -> None:
    """Frames, series, lists of lists and of objects come out as rows of values; what is none is its JSON."""
    assert np.asarray(plain(answer)).tolist() == wanted


def test_several_outputs_are_one_prediction() -> None:
    """Each output is a method; of the same rows the model is asked once."""
    asked = []

    def predict(rows: Any) -> pd.DataFrame:
        asked.append(len(rows))
        return pd.DataFrame({"low": rows["km"] - 1, "predict": rows["km"], "high": rows["km"] + 1})

    model = Pyfunc(predict, [Field("km", "double")], ["low", "predict", "missing"])
    rows = np.array([[1.0], [2.0]])
    assert model.low(rows).tolist() == [0.0, 1.0]
    assert model.predict(rows).tolist() == [1.0, 2.0]
    assert asked == [2]
    with pytest.raises(Invalid, match="missing"):
        model.missing(rows)
    assert not hasattr(model, "transform")
    assert Pyfunc(lambda rows: rows["km"], [Field("km", "double")], ["predict"]).predict(rows).tolist() == [1.0, 2.0]
