"""One model that answers batches."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from loopline.models.signature import describe
from loopline.nouns.datatype import pack, unpack
from loopline.nouns.signature import Signature
from loopline.serving.predictor import Predictor
from loopline.serving.question import Given
from loopline.serving.table import Part

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({"city": np.where(Y, "Oslo", "Rome"), "temp": X[:, 0], "wind": X[:, 1]})


def matrix(rows: Any, *outputs: str) -> Part:
    """A part whose rows are one tensor."""
    values = np.asarray(rows, dtype="<f8")
    return Part(len(values), [Given("x", "FP64", 3, values.tobytes())], outputs)


def table(rows: pd.DataFrame, *outputs: str) -> Part:
    """A part whose columns are named."""
    return Part(len(rows), [Given(str(name), "", 1, rows[name].tolist()) for name in rows], outputs)


def values(said: Any, output: str = "") -> list[Any]:
    """The values of one output."""
    made = next(one for one in said[2] if not output or one.name == output)
    return unpack(made.type, made.data) if isinstance(made.data, bytes) else list(made.data)


def test_each_question_gets_its_own_rows() -> None:
    """Three questions asked together get what each would get alone, bit by bit."""
    model = LogisticRegression().fit(X, Y)
    predictor = Predictor(model, describe(model, X))
    cuts = [X[:1], X[1:50], X[50:53]]
    for rows, said in zip(cuts, predictor.answer([matrix(one, "predict_proba") for one in cuts]), strict=True):
        assert said[:2] == ("", "")
        assert said[2][0].tail == (2,)
        np.testing.assert_allclose(np.reshape(values(said), (-1, 2)), model.predict_proba(rows), rtol=1e-12)


def test_a_bad_question_spoils_no_other() -> None:
    """Of a batch in which one question makes no sense, the others are answered, and that one is told why."""
    model = LogisticRegression().fit(X, Y)
    predictor = Predictor(model, describe(model, X), outputs=("predict",))
    bad = Part(1, [Given("x", "FP64", 3, [1.0, "two", 3.0])], ())
    before, error, after = predictor.answer([matrix(X[:2]), bad, matrix(X[2:4])])
    assert values(before) == model.predict(X[:2]).tolist()
    assert values(after) == model.predict(X[2:4]).tolist()
    assert error[0] == "bad-type"
    assert error[2] == ()


def test_a_model_of_named_columns_gets_a_frame() -> None:
    """A pipeline that picks its columns by name is asked with a frame, and answers as it would to anybody."""
    pick = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
    model = make_pipeline(pick, LogisticRegression()).fit(FRAME, Y)
    (said,) = Predictor(model, describe(model, FRAME)).answer([table(FRAME[:20], "predict_proba", "predict")])
    assert [one.name for one in said[2]] == ["predict_proba", "predict"]
    np.testing.assert_allclose(np.reshape(values(said), (-1, 2)), model.predict_proba(FRAME[:20]), rtol=1e-12)


class Watched(LinearRegression):  # type: ignore[misc]
    """A linear model that remembers what it was asked with."""

    def predict(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's word)
        """Remember, then answer."""
        self.asked_with_ = type(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about feature names, as the model process does
            return super().predict(X)


def test_a_model_of_plain_numbers_gets_a_matrix() -> None:
    """A linear model that was trained on a frame needs none to answer, so none is made."""
    numbers = FRAME[["temp", "wind"]]
    model = Watched().fit(numbers, X[:, 2])
    (said,) = Predictor(model, describe(model, numbers)).answer([table(numbers[:3])])
    assert model.asked_with_ is np.ndarray
    np.testing.assert_allclose(values(said), model.predict(numbers[:3]), rtol=1e-12)


def test_classes_of_text_are_answered_as_text() -> None:
    """Labels that are words come back as words."""
    model = LogisticRegression().fit(X, np.where(Y, "late", "on time"))
    (said,) = Predictor(model, describe(model, X), outputs=("predict",)).answer([matrix(X[:5])])
    assert said[2][0].type == "BYTES"
    assert values(said) == model.predict(X[:5]).tolist()


class Odd:
    """A model that does what nobody should."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, rows: Any) -> Any:
        """Raise, or give what was set."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [ZeroDivisionError("by zero"), [1, 2, 3], 5, KeyError("x")])
def test_a_model_that_fails_is_an_error_of_its_question(answer: Any) -> None:
    """A model that raises, or gives another number of answers than rows, ends that question and not the process."""
    (said,) = Predictor(Odd(answer), Signature((), ())).answer([
        Part(1, [Given("x", "FP64", 1, pack("FP64", [1.0]))], ())
    ])
    assert said[0] == "model-raised"
    assert said[1]


def test_an_output_that_is_not_there_is_named() -> None:
    """Asking for an output that the model has not is the asker's mistake."""
    model = LinearRegression().fit(X, Y)
    (said,) = Predictor(model, describe(model, X)).answer([matrix(X[:1], "predict_proba")])
    assert (said[0], "predict_proba" in said[1]) == ("unknown-output", True)
