from __future__ import annotations

import numpy as np

from loopline.rollout.slow import FACTORS, thresholds


def test_a_threshold_is_known_before_the_unit() -> None:
    """Changing a latency changes no threshold of units up to it."""
    latency = np.random.default_rng(3).lognormal(0, 1, 500)
    arm = np.arange(500) % 2 == 0
    before = thresholds(latency, arm, 0.9)
    latency[300:] *= 100
    after = thresholds(latency, arm, 0.9)
    assert np.array_equal(before[:301], after[:301], equal_nan=True)


def test_the_first_units_have_no_threshold() -> None:
    """While there is no quantile to compare with, nothing is compared."""
    found = thresholds(np.ones(60), np.ones(60, dtype=bool), 0.5)
    assert np.isnan(found[:50]).all()
    assert (found[50:] == 1).all()
    assert np.isnan(thresholds(np.ones(40), np.ones(40, dtype=bool), 0.5)).all()


def test_thresholds_are_the_baselines_and_follow_it() -> None:
    """A candidate that is slow moves no threshold, and a baseline that becomes slow moves the next one."""
    latency = np.where(np.arange(400) % 2 == 0, 1.0, 9.0)
    latency[200:] *= 3
    found = thresholds(latency, np.arange(400) % 2 == 0, 0.95)
    assert set(found[50:200]) == {1.0}
    assert found[-1] == 3.0


def test_an_empty_block_keeps_the_threshold_before_it() -> None:
    """Where the baseline has had no units for a while, its last quantile stands."""
    baseline = np.arange(200) < 50
    assert (thresholds(np.full(200, 2.0), baseline, 0.5)[50:] == 2.0).all()
    assert np.isnan(thresholds(np.full(200, 2.0), ~baseline, 0.5)[:75]).all()


def test_factors_ascend_around_one() -> None:
    """The ladder of factors has no gap at what is most asked."""
    assert list(FACTORS) == sorted(FACTORS)
    assert 1.0 in FACTORS
