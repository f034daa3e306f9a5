"""bootstrap: weights are draws with replacement, sums are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loopline.checks import bootstrap
from loopline.checks.bootstrap import Scored, measured, names_of, ratio, resampled


def mean_of(column: Any, score: Any = None) -> Scored:
    """Make a model whose one metric is the mean of a column."""
    return Scored(("x",), np.asarray(column, dtype=float)[:, None], {"mean": lambda s, w: ratio(s["x"], w)}, score)


def test_resamples_are_draws_with_replacement() -> None:
    """The spread of resampled means is the standard error of the mean."""
    column = np.random.default_rng(0).normal(5, 2, 1000)
    drawn = resampled([mean_of(column)], np.zeros(1000), [np.arange(1000)], resamples=2000, seed=0)[0][0, 0]
    assert drawn.mean() == pytest.approx(column.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(column.std() / np.sqrt(1000), rel=0.1)


def test_the_result_does_not_depend_on_the_order_of_addition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks and large ones give the same bits, for sums and for ranks."""
    dice = np.random.default_rng(1)
    truth, score = dice.integers(0, 2, 700).astype(float), dice.random(700).round(2)
    model = mean_of(dice.normal(0, 1e3, 700), score)
    rows = [np.arange(700), np.flatnonzero(score > 0.3)]
    whole = resampled([model], truth, rows, resamples=40, seed=3)[0]
    monkeypatch.setattr(bootstrap, "_CELLS", 700 * 7)
    assert np.array_equal(whole, resampled([model], truth, rows, resamples=40, seed=3)[0])
    turned = resampled([model], truth, [rows[0][::-1], rows[1][::-1]], resamples=40, seed=3)[0]
    assert np.array_equal(whole, turned)


def test_a_resampled_auc_is_the_auc_of_the_drawn_rows() -> None:
    """Weights stand for repeated rows: the AUC of a resample equals scikit-learn's with these sample weights."""
    from sklearn.metrics import roc_auc_score

    dice = np.random.default_rng(2)
    truth, score = (dice.random(300) < 0.7).astype(float), dice.random(300).round(1)
    model = mean_of(np.zeros(300), score)
    drawn = resampled([model], truth, [np.arange(300)], resamples=5, seed=9)[0][0, names_of(model).index("roc_auc")]
    weights = np.concatenate(list(bootstrap._weights(300, 5, 9)), axis=1)
    assert weights.sum(axis=0).tolist() == [300] * 5
    for k in range(5):
        assert drawn[k] == pytest.approx(roc_auc_score(truth, score, sample_weight=weights[:, k]))


def test_measured_counts_each_row_once() -> None:
    """Without resampling a metric is that of the rows asked for, and an undefined ratio is NaN."""
    model = mean_of([1, 2, 3, 10], np.asarray([0.1, 0.2, 0.3, 0.4]))
    found = measured(model, np.asarray([0.0, 1, 0, 0]), np.asarray([0, 1, 2]))
    assert found == {"mean": 2.0, "roc_auc": 0.5}
    assert np.isnan(ratio(np.asarray([1.0]), np.asarray([0.0]))[0])
