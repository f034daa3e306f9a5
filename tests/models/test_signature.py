from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loopline.models.codec import ModelCodec
from loopline.models.flavors import about
from loopline.models.signature import describe, parse, plain, sign, signed, validate
from loopline.nouns.signature import Column
from tests.models.conftest import boosted, forest, frame, logistic, pipeline


def test_a_bare_estimator_tells_names_categories_and_classes() -> None:
    """Without training rows, what the estimator keeps is enough for names, categories and outputs."""
    found = describe(pipeline())
    assert [(c.name, c.type) for c in found.inputs] == [("distance", "FP64"), ("hour", "FP64"), ("carrier", "BYTES")]
    assert found.inputs[2].values == ("AA", "B6", "UA")  # noqa: PD011 (a noun, not a frame)
    assert [(c.name, c.type, c.shape) for c in found.outputs] == [
        ("predict", "INT64", (-1,)),
        ("predict_proba", "FP64", (-1, 2)),
    ]
    assert found.outputs[0].values == ("0", "1")  # noqa: PD011 (a noun, not a frame)


def test_types_that_are_not_kept_are_left_empty() -> None:
    """Boosting on mixed columns does not say which is text: the type is empty, not a guess."""
    assert {c.type for c in describe(boosted()).inputs} == {""}
    assert {c.type for c in describe(forest()).inputs} == {"FP64"}


def test_signing_adds_what_training_saw_and_travels_with_the_model(tmp_path: Path) -> None:
    """Ranges and types reach model.json, and the loaded model still has them."""
    x, _ = frame()
    model = sign(boosted(), x)
    ModelCodec().dump(model, tmp_path)
    attached = about(tmp_path).signature
    assert attached is not None
    hour = attached.inputs[1]
    assert (hour.name, hour.type, hour.low, hour.high) == ("hour", "INT64", 5.0, 22.0)
    assert signed(ModelCodec().load(tmp_path)) == attached == describe(model)


def test_a_clone_does_not_inherit_the_signature() -> None:
    """A model that was fitted anew is not described by what another one saw."""
    from sklearn.base import clone

    assert signed(clone(sign(logistic(), frame()[0][["distance", "hour"]]))) is None


def test_regressors_and_transformers_have_outputs_too() -> None:
    """The type of a regressor's answer is asked of it; a transformer without predict is named so."""
    from sklearn.linear_model import LinearRegression
    from sklearn.preprocessing import StandardScaler

    x = np.arange(20.0).reshape(10, 2)
    two = LinearRegression().fit(x, x)
    assert describe(two, x).outputs == (Column("predict", "FP64", (-1, 2)),)
    assert describe(LinearRegression().fit(x, x[:, 0])).outputs == (Column("predict", "FP64"),)
    assert [c.name for c in describe(StandardScaler().fit(x)).outputs] == ["transform"]
    assert [c.name for c in describe(two, x).inputs] == ["x0", "x1"]


def test_a_signature_comes_back_from_its_plain_form() -> None:
    """Writing and parsing gives an equal value."""
    found = describe(pipeline(), frame()[0])
    assert parse(plain(found)) == found


def trained() -> Any:
    """Give the signature of a pipeline on the usual rows."""
    return describe(pipeline(), frame()[0])


def test_rows_like_the_training_rows_have_no_problems() -> None:
    """The training rows themselves pass, also with whole numbers as floats and in another order of columns."""
    x, _ = frame()
    assert validate(trained(), x) == ()
    assert validate(trained(), x.assign(hour=x["hour"].astype(float))[["carrier", "hour", "distance"]]) == ()


@pytest.mark.parametrize(
    ("change", "column", "kind"),
    [
        ({"hour": 99}, "hour", "range"),
        ({"hour": 5.5}, "hour", "type"),
        ({"hour": "late"}, "hour", "type"),
        ({"carrier": "ZZ"}, "carrier", "category"),
        ({"distance": np.nan}, "distance", "null"),
        ({"extra": 1}, "extra", "unexpected"),
    ],
)
def test_each_kind_of_difference_is_named(change: dict[str, Any], column: str, kind: str) -> None:
    """One problem, with its column and how many rows have it."""
    x, _ = frame(20)
    found = validate(trained(), x.assign(**change))
    assert [(p.column, p.kind) for p in found] == [(column, kind)]
    assert found[0].rows in (0, 20)


def test_a_missing_column_is_named() -> None:
    """A column that training had and the rows have not."""
    assert [(p.column, p.kind) for p in validate(trained(), frame()[0].drop(columns="carrier"))] == [
        ("carrier", "missing")
    ]


def test_rows_without_names_are_compared_by_position() -> None:
    """A bare array is held against the columns in order."""
    x, y = frame()
    model = describe(logistic(), x[["distance", "hour"]])
    assert validate(model, x[["distance", "hour"]].to_numpy()) == ()
    assert [p.kind for p in validate(model, np.zeros((2, 3)))] == ["range", "range", "unexpected"]
    assert isinstance(y, pd.Series)
