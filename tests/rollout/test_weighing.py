from __future__ import annotations

import numpy as np
import pytest

from loopline.nouns.rolling import Judged
from loopline.rollout.units import Sample
from loopline.rollout.weighing import Tried, weigh

WAIT = Judged("wait", "latency", 0.15, quantile=0.9)


def sample(value: np.ndarray, candidate: np.ndarray, p: np.ndarray | float = 0.5) -> Sample:
    """Units of one step."""
    n = len(value)
    return Sample(np.arange(n, dtype=np.uint64), np.zeros(n, dtype=np.int64), candidate, np.full(n, 0.5) * 0 + p, value)


def tried(one: Judged, held: Sample) -> Tried:
    """Weigh with one metric's whole α."""
    return weigh(one, held, alpha=0.05, share=0.05, tolerance=one.tolerance)


def test_arms_are_told_as_for_the_same_traffic() -> None:
    """Where the candidate got more units in a bad hour, its mean is not the worse for it."""
    dice = np.random.default_rng(4)
    bad = np.arange(40_000) >= 20_000
    p = np.where(bad, 0.8, 0.1)
    arm = dice.random(40_000) < p
    value = np.where(bad, 0.6, 0.2)
    assert value[arm].mean() - value[~arm].mean() > 0.2
    found = tried(Judged("brier", "loss", 0.05), sample(value, arm, p))
    assert found.candidate == pytest.approx(found.baseline, abs=0.02)
    assert found.low < 0 < found.high


def test_the_bounds_of_a_latency_hold_its_factor() -> None:
    """A candidate that takes a fifth longer has bounds around a fifth, and its quantile is told in its own unit."""
    dice = np.random.default_rng(6)
    arm = dice.random(20_000) < 0.5
    found = tried(WAIT, sample(dice.lognormal(5, 0.4, 20_000) * np.where(arm, 1.2, 1.0), arm))
    assert 0 < found.low < 0.2 < found.high < 0.35
    assert found.estimate == pytest.approx(0.2, abs=0.04)
    assert found.baseline == pytest.approx(np.exp(5 + 0.4 * 1.2816), rel=0.03)


def test_latencies_that_are_all_equal_are_not_worse() -> None:
    """A service that always takes the same time is found to take no longer."""
    arm = np.random.default_rng(7).random(2_000) < 0.5
    assert tried(WAIT, sample(np.full(2_000, 40.0), arm)).high <= 0.15 + 1e-12


def test_few_latencies_have_no_bounds() -> None:
    """Before there is a threshold, a latency may be anything."""
    arm = np.arange(40) % 2 == 0
    found = tried(WAIT, sample(np.ones(40), arm))
    assert (found.low, found.high, found.evidence) == (-1.0, float("inf"), 0.0)


def test_no_error_anywhere_is_an_answer_in_the_end() -> None:
    """Two arms without a single error are found alike, within a tolerance, from their number alone."""
    arm = np.random.default_rng(8).random(3_000) < 0.5
    found = tried(Judged("errors", "events", 0.01), sample(np.zeros(3_000), arm))
    assert found.high < 0.01
    assert found.evidence == 0.0
