"""Grouped: many groups at once are measured as each would be alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loopline.checks.grouped import Grouped
from loopline.checks.metrics import Kind, evaluate
from loopline.checks.names import BINARY, REGRESSION


@pytest.mark.parametrize(("kind", "metrics"), [("binary", BINARY), ("regression", REGRESSION)])
def test_each_group_is_measured_as_if_alone(kind: Kind, metrics: tuple[str, ...]) -> None:
    """Every metric of every group is what `evaluate` gives for its rows, with ties and where it is not defined."""
    dice = np.random.default_rng(7)
    group = dice.integers(0, 9, 900)
    truth: Any = dice.integers(0, 2, 900).astype(float) if kind == "binary" else dice.normal(size=900)
    answer = dice.integers(0, 21, 900) / 20.0
    truth[group == 3] = 1.0
    truth[group == 4] = 0.0
    answer[group == 4] = 0.1
    found = Grouped(truth, answer, kind=kind, metrics=metrics).measure(group, 10)
    for g in range(9):
        mine = group == g
        alone = evaluate(truth[mine], answer[mine], kind=kind, metrics=metrics, resamples=0)
        for metric in metrics:
            one = alone.find(metric)
            assert np.isnan(found[metric][g]) if one is None else found[metric][g] == pytest.approx(one.value, abs=1e-9)
    assert all(np.isnan(found[metric][9]) for metric in metrics)


def test_no_rows_are_measured_as_nothing() -> None:
    """Without rows every metric is undefined."""
    none = np.empty(0)
    assert np.isnan(Grouped(none, none).measure(np.empty(0, dtype=np.int32), 2)["roc_auc"]).all()
