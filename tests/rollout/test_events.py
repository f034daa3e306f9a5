from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.rollout.events import RATIOS, evidence, summed, uneven


def arms(text: str) -> np.ndarray:
    """Write whose events: `c` the candidate's, `b` the baseline's."""
    return np.array([letter == "c" for letter in text], dtype=bool)


def test_ten_events_of_the_candidate_in_a_row_are_enough() -> None:
    """At an even split ten events that are all the candidate's are evidence beyond 1/0.05, and five are not yet."""
    path = evidence(arms("c" * 10), np.full(10, 0.5))
    assert path[9] > math.log(20) > path[4]


def test_who_has_little_traffic_has_few_events() -> None:
    """One event of ten at a share of one of ten is no evidence, and one of two is."""
    p = np.full(200, 0.1)
    assert evidence(arms("cbbbbbbbbb" * 20), p).max() < math.log(20)
    assert evidence(arms("cb" * 20), p[:40]).max() > math.log(20)


@given(st.floats(0.01, 0.99), st.floats(0.0, 1.0))
def test_one_more_event_is_worth_one_at_most(p: float, ratio: float) -> None:
    """Where the candidate is not worse, the expected e-value after one event is at most 1, whatever its propensity."""
    share = ratio * p / (ratio * p + 1 - p)
    after = [math.exp(evidence(np.array([arm]), np.array([p]))[0]) for arm in (True, False)]
    assert share * after[0] + (1 - share) * after[1] <= 1 + 1e-9


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_sum_is_the_end_of_the_path(seed: int, ratio: float) -> None:
    """Counting by propensity gives what going through one by one gives."""
    dice = np.random.default_rng(seed)
    p = dice.choice([0.1, 0.3, 0.44], 50)
    arm = dice.random(50) < p
    assert summed(arm, p, ratio=ratio) == pytest.approx(float(evidence(arm, p, ratio=ratio)[-1]), abs=1e-9)


def test_no_event_is_no_evidence() -> None:
    """Without events the e-value is 1."""
    none = np.zeros(0)
    assert evidence(none.astype(bool), none).tolist() == []
    assert summed(none.astype(bool), none) == uneven(none.astype(bool), none) == 0.0


def test_a_split_that_is_not_as_declared_is_seen_both_ways() -> None:
    """An arm that loses its records, or gets all the traffic, stands out; an even one does not."""
    p = np.full(400, 0.5)
    assert uneven(arms("ccb" * 133 + "c"), p) > math.log(1000)
    assert uneven(arms("cbb" * 133 + "c"), p) > math.log(1000)
    assert uneven(arms("cb" * 200), p) < 0


def test_ratios_begin_above_one() -> None:
    """Whoever is only as bad as the null is no alternative to it."""
    assert min(RATIOS) > 1
