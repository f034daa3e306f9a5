"""measured: what is held against labels follows from what the model tells apart and what is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.service import Arm, Labels, Monitor
from loopline.nouns.signature import Column, Signature
from loopline.verbs.measured import Measured, allowed, check, kind_of, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

SPECIES = ("setosa", "versicolor", "virginica")
PREDICT = Column("predict", "BYTES", values=SPECIES)
PROBA = Column("predict_proba", "FP64", (-1, 3))
NUMBERS = Column("predict", "INT64", values=("0", "1"))


def arms(*outputs: Column) -> Sequence[Arm]:
    """One model with these outputs."""
    return (Arm("main", "model/iris@1", Digest("sha256:" + "0" * 64), signature=Signature((), outputs)),)


@pytest.mark.parametrize(
    ("labels", "outputs", "wanted"),
    [
        (Labels(), (PREDICT, PROBA), Measured("classes", "predict", "", SPECIES, named=True)),
        (Labels(kind="binary"), (PREDICT, PROBA), Measured("classes", "predict", "", SPECIES, named=True)),
        (Labels(), (Column("predict", "INT64"), Column("predict_proba", "FP64", (-1, 200))),
         Measured("classes", "predict", named=True)),
        (Labels(positive="versicolor"), (PREDICT, PROBA), Measured("binary", "predict_proba[1]", "versicolor", SPECIES)),
        (Labels(score="predict_proba[2]", positive="virginica"), (PREDICT, PROBA),
         Measured("binary", "predict_proba[2]", "virginica", SPECIES)),
        (Labels(metrics=("mae",)), (Column("predict", "FP64"),), Measured("regression", "predict")),
        (Labels(positive="setosa"), (PREDICT,), Measured("binary", "predict", "setosa", SPECIES, named=True)),
        (Labels(), (NUMBERS, Column("predict_proba", "FP64", (-1, 2))), Measured("binary", "predict_proba[1]", "1", ("0", "1"))),
        (Labels(), (NUMBERS,), Measured("binary", "predict", "1", ("0", "1"), named=True)),
        (Labels(), (Column("predict", "FP64"),), Measured("regression", "predict")),
        (Labels(metrics=("accuracy",)), (PREDICT, PROBA), Measured("classes", "predict", "", SPECIES, named=True)),
    ],
)  # fmt: skip
def test_what_is_measured_follows_from_classes_and_what_is_declared(
    labels: Labels, outputs: tuple[Column, ...], wanted: Measured
) -> None:
    """No class of several is taken for the positive one unless it is declared; classes without probabilities are classes."""
    assert measured(labels, arms(*outputs)) == wanted
    assert (
        kind_of(Labels(labels.target, labels.join, labels.score, labels.positive, "", labels.metrics), arms(*outputs))
        == wanted.kind
    )


@pytest.mark.parametrize(
    ("labels", "bounds", "kind"),
    [
        (Labels(kind="binary", metrics=("roc_auc",)), {}, "no-positive"),
        (Labels(kind="classes", score="predict_proba"), {}, "no-positive"),
        (Labels(kind="classes", score="predict_proba[1]"), {}, "no-positive"),
        (Labels(kind="classes", positive="setosa"), {}, "bad-value"),
        (Labels(kind="classes", metrics=("roc_auc",)), {}, "unknown-metric"),
        (Labels(kind="classes"), {"roc_auc_drop": 0.1}, "bad-bound"),
        (Labels(kind="binary", positive="virginca"), {}, "unknown-class"),
        (Labels(kind="regression"), {"accuracy": 0.9}, "bad-bound"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels: Labels, bounds: dict[str, float], kind: str) -> None:
    """Metrics and bounds of two classes do not go with three, and the next step is told."""
    with pytest.raises(Invalid) as caught:
        check(labels, arms(PREDICT, PROBA), (Monitor("truth", "quality", bounds=bounds),))
    assert caught.value.kind == kind
    assert caught.value.hint


def test_what_can_be_measured_passes() -> None:
    """Accuracy of all classes, and any metric of one against the rest; other monitors have bounds of their own."""
    monitors = (
        Monitor("truth", "quality", bounds={"accuracy": 0.9, "accuracy_drop": 0.1}),
        Monitor("in", "drift", bounds={"q": 0.1}),
    )
    check(Labels(kind="classes"), arms(PREDICT, PROBA), monitors)
    check(Labels(kind="binary", positive="setosa", metrics=("roc_auc",)), arms(PREDICT, PROBA), monitors)
    allowed(measured(Labels(positive="1.0"), arms(NUMBERS)), ("brier",))
