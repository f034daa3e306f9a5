"""metrics: values equal scikit-learn's, intervals cover, nonsense is refused."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.checks.metrics import BINS, evaluate
from loopline.errors import Invalid
from loopline.nouns.evaluation import Estimate, Evaluation

ALL = ("roc_auc", "log_loss", "brier", "calibration_error", "accuracy", "precision", "recall")


def sample(rows: int, seed: int = 1, *, ties: bool = False) -> tuple[Any, Any, Any]:
    """Make outcomes that really have the probabilities, and a noisier base."""
    dice = np.random.default_rng(seed)
    probability = dice.beta(1.2, 2.5, rows)
    truth = (dice.random(rows) < probability).astype(int)
    base = np.clip(probability + dice.normal(0, 0.15, rows), 0, 1)
    return (truth, probability.round(1), base.round(1)) if ties else (truth, probability, base)


def value(evaluation: Evaluation, metric: str, **where: str) -> float:
    """Look one value up."""
    return find(evaluation, metric, **where).value


def bounds(one: Estimate) -> tuple[float, float]:
    """Give the interval that is there."""
    assert one.low is not None
    assert one.high is not None
    return one.low, one.high


def find(evaluation: Evaluation, metric: str, **where: str) -> Estimate:
    """Look up an estimate that is there."""
    found = evaluation.find(metric, **where)
    assert found is not None
    return found


@pytest.mark.parametrize("ties", [False, True])
def test_values_equal_scikit_learn(*, ties: bool) -> None:
    """Every metric has the value that scikit-learn gives, with ties in the scores and without."""
    from sklearn import metrics as theirs

    truth, probability, _ = sample(3000, ties=ties)
    ours = evaluate(truth, probability, metrics=ALL, resamples=0)
    assert value(ours, "roc_auc") == pytest.approx(theirs.roc_auc_score(truth, probability), abs=1e-11)
    assert value(ours, "log_loss") == pytest.approx(theirs.log_loss(truth, probability), abs=1e-11)
    assert value(ours, "brier") == pytest.approx(theirs.brier_score_loss(truth, probability), abs=1e-11)
    called = probability >= 0.5
    assert value(ours, "accuracy") == pytest.approx(theirs.accuracy_score(truth, called))
    assert value(ours, "precision") == pytest.approx(theirs.precision_score(truth, called))
    assert value(ours, "recall") == pytest.approx(theirs.recall_score(truth, called))


def test_regression_values_equal_scikit_learn() -> None:
    """MAE, RMSE and R² have the values that scikit-learn gives, also far away from zero."""
    from sklearn import metrics as theirs

    dice = np.random.default_rng(3)
    truth = dice.normal(1e6, 3, 2000)
    answer = truth + dice.normal(0, 1, 2000)
    ours = evaluate(truth, answer, kind="regression", resamples=50)
    assert value(ours, "mae") == pytest.approx(theirs.mean_absolute_error(truth, answer))
    assert value(ours, "rmse") == pytest.approx(theirs.root_mean_squared_error(truth, answer))
    assert value(ours, "r2") == pytest.approx(theirs.r2_score(truth, answer), abs=1e-9)
    for one in ours.estimates:
        low, high = bounds(one)
        assert low < one.value < high


def test_calibration_error_is_the_weighted_gap_of_bins() -> None:
    """The calibration error is the mean gap between predicted and seen, weighted by the rows of 15 equal bins."""
    truth, probability, _ = sample(2000)
    gap = 0.0
    for b in range(BINS):
        mine = (probability >= b / BINS) & (probability < (b + 1) / BINS)
        if mine.any():
            gap += mine.mean() * abs(probability[mine].mean() - truth[mine].mean())
    assert value(evaluate(truth, probability, resamples=0), "calibration_error") == pytest.approx(gap)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 0.500001, 1.0])), min_size=2, max_size=40
    )
)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, float]]) -> None:
    """ROC AUC is the share of (positive, negative) pairs ranked right, ties counting one half, for any ties."""
    wins = [(p > n) + 0.5 * (p == n) for t, p in rows if t for u, n in rows if not u]
    found = evaluate([t for t, _ in rows], [p for _, p in rows], resamples=0).find("roc_auc")
    if not wins:
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(sum(wins) / len(wins))


def test_slices_are_measured_alone() -> None:
    """The estimate of a member is what an evaluation of its rows alone gives."""
    truth, probability, base = sample(4000)
    carrier = np.where(np.arange(4000) % 3 == 0, "UA", "DL")
    whole = evaluate(truth, probability, base=base, slices={"carrier": carrier}, metrics=ALL, resamples=20)
    mine = carrier == "UA"
    alone = evaluate(truth[mine], probability[mine], base=base[mine], metrics=ALL, resamples=20)
    for metric in ALL:
        part, own = find(whole, metric, column="carrier", member="UA"), find(alone, metric)
        assert (part.value, part.base, part.n) == (own.value, own.base, own.n)
        assert part.key == f"{metric}[carrier=UA]"


def test_small_members_are_named_not_measured() -> None:
    """A member with too few rows has no estimate and stands in the facts; a missing member has a name."""
    truth, probability, _ = sample(200)
    found = evaluate(
        truth, probability, slices={"carrier": ["UA"] * 100 + [None] * 90 + ["OO"] * 10}, resamples=0, min_rows=30
    )
    assert {one.member for one in found.estimates if one.slice} == {"UA", "(missing)"}
    assert "carrier=OO (10)" in found.facts["too few rows"]


def test_one_class_has_no_auc_and_says_why() -> None:
    """With one class the ROC AUC is absent, the facts say why, and the other metrics are there."""
    found = evaluate(np.zeros(50), np.full(50, 0.1), resamples=10)
    assert found.find("roc_auc") is None
    assert "one class" in found.facts["undefined"]
    assert find(found, "log_loss").value == pytest.approx(-math.log(0.9))


def test_precision_without_calls_is_absent() -> None:
    """Precision is absent, not 0, where nothing is predicted positive."""
    found = evaluate([0, 1], [0.1, 0.2], metrics=("precision", "recall"), resamples=0)
    assert found.find("precision") is None
    assert value(found, "recall") == 0


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """The 90 % interval of a Brier score holds the true score in 80 to 97 of 100 samples."""
    dice = np.random.default_rng(7)
    covered = 0
    for _ in range(100):
        probability = dice.random(400)
        truth = (dice.random(400) < probability).astype(int)
        one = evaluate(truth, probability, metrics=("brier",), resamples=200, level=0.9).estimates[0]
        low, high = bounds(one)
        covered += low <= 1 / 6 <= high
    assert 80 <= covered <= 97


def test_paired_differences_are_narrower_than_values() -> None:
    """The interval of the difference to a similar base is far narrower than that of the value, and has the right sign."""
    truth, probability, _ = sample(3000)
    base = np.clip(probability * 0.97 + 0.02, 0, 1)
    one = find(evaluate(truth, probability, base=base), "log_loss")
    assert one.base is not None
    assert one.delta is not None
    assert one.delta_low is not None
    assert one.delta_high is not None
    low, high = bounds(one)
    assert one.delta == pytest.approx(one.value - one.base, abs=1e-9)
    assert one.delta_low <= one.delta <= one.delta_high
    assert one.delta_high - one.delta_low < 0.2 * (high - low)


def test_a_model_does_not_differ_from_itself() -> None:
    """The difference to an equal base is exactly 0 on every resample."""
    truth, probability, _ = sample(500)
    for one in evaluate(truth, probability, base=probability, metrics=ALL).estimates:
        assert (one.delta, one.delta_low, one.delta_high) == (0, 0, 0)


def test_equal_arguments_give_equal_results() -> None:
    """The same seed gives the same evaluation; another seed gives other intervals and the same values."""
    truth, probability, base = sample(800)
    first, again, other = (evaluate(truth, probability, base=base, seed=s) for s in (5, 5, 6))
    assert first == again
    assert [one.value for one in first.estimates] == [one.value for one in other.estimates]
    assert [one.low for one in first.estimates] != [one.low for one in other.estimates]


def test_facts_are_kept() -> None:
    """What the caller says it measured on is kept beside what the evaluation says itself."""
    found = evaluate([0, 1], [0.2, 0.7], resamples=0, facts={"period": "last 14 days of July"})
    assert found.facts["period"] == "last 14 days of July"
    assert found.facts["rows"] == "2"
    assert isinstance(found, Evaluation)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (dict(y_true=[], probability=[]), "no-rows"),
        (dict(y_true=[0, 1], probability=[0.1]), "other-length"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], base=[0.1]), "other-length"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], slices={"a": ["x"]}), "other-length"),
        (dict(y_true=[0, float("nan")], probability=[0.1, 0.2]), "not-finite"),
        (dict(y_true=[0, 1], probability=[0.1, float("inf")]), "not-finite"),
        (dict(y_true=[0, 1], probability=[0.1, 1.2]), "not-a-probability"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], base=[-0.1, 0.2]), "not-a-probability"),
        (dict(y_true=[0, 2], probability=[0.1, 0.2]), "not-binary"),
        (dict(y_true=["a", "b"], probability=[0.1, 0.2]), "not-numbers"),
        (dict(y_true=[0, 1], probability=[[0.9, 0.1], [0.8, 0.2]]), "bad-shape"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], metrics=("roc",)), "unknown-metric"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], metrics=("rmse",)), "unknown-metric"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], kind="ranking"), "bad-kind"),
        (dict(y_true=[0, 1], probability=[0.1, 0.2], level=1.0), "bad-option"),
    ],
)
def test_nonsense_is_refused(arguments: dict[str, Any], kind: str) -> None:
    """What cannot be measured is Invalid, by a kind that says what to mend."""
    with pytest.raises(Invalid) as caught:
        evaluate(**arguments)
    assert caught.value.kind == kind
    assert caught.value.hint


def test_sixty_thousand_rows_take_seconds() -> None:
    """60,000 rows, 500 resamples, 4 metrics, a base, 16 carriers and 3 origins cost at most 6 s CPU (about 3 measured)."""
    truth, probability, base = sample(60_000)
    dice = np.random.default_rng(0)
    slices = {"carrier": dice.integers(0, 16, 60_000), "origin": dice.integers(0, 3, 60_000)}
    started = time.process_time()
    evaluate(truth, probability, base=base, slices=slices)
    assert time.process_time() - started < 6
