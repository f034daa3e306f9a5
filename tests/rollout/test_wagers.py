from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loopline.rollout.wagers import at_least, drawn, paired, stakes, wealth


def units(n: int, p: float, gap: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses, arms and propensities of units whose candidate is worse by a gap."""
    dice = np.random.default_rng(n)
    arm = dice.random(n) < p
    return np.clip(dice.beta(1, 6, n) + gap * arm, 0, 1), arm, np.full(n, p)


@given(
    arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.02, 0.1, 0.5, 0.9]),
)
def test_no_unit_is_worse_than_was_known_before(loss: np.ndarray, seed: int, p: float) -> None:
    """The bounds on which stakes rely hold for every loss in its range, whichever arm."""
    arm = np.random.default_rng(seed).random(len(loss)) < p
    found = drawn(loss, arm, np.full(len(loss), p), low=0.0, high=1.0)
    assert np.all(found.x >= -found.down - 1e-9)
    assert np.all(found.x <= found.up + 1e-9)
    assert np.isfinite(wealth(found).path).all()
    assert np.isfinite(wealth(found, against=True).logs).all()


def test_each_unit_estimates_the_difference_without_bias() -> None:
    """Whatever was known before, drawing the arm with its propensity makes the expected estimate the true difference."""
    loss, arm, p = units(400, 0.3)
    base = drawn(loss, arm, p, low=0.0, high=1.0)
    both = []
    for last in (True, False):
        arm[-1] = last
        changed = loss.copy()
        changed[-1] = 0.7 if last else 0.4
        both.append(drawn(changed, arm, p, low=0.0, high=1.0).x[-1])
    assert 0.3 * both[0] + 0.7 * both[1] == pytest.approx(0.3)
    assert len(base.x) == 400


def test_what_comes_behind_changes_nothing_before() -> None:
    """The path of many units begins with the path of the first of them, bit by bit."""
    loss, arm, p = units(20_000, 0.5)
    whole = wealth(drawn(loss, arm, p, low=0.0, high=1.0))
    for n in (1, 700, 16_384, 17_000):
        part = wealth(drawn(loss[:n], arm[:n], p[:n], low=0.0, high=1.0))
        assert part.path.tolist() == whole.path[: len(part.path)].tolist()
        assert part.looks.tolist() == whole.looks[: len(part.looks)].tolist()


def test_the_bound_and_the_evidence_agree() -> None:
    """The mean is surely above 0 exactly where the e-value against 0 has reached 1/α."""
    loss, arm, p = units(2_000, 0.5, gap=0.03)
    found = drawn(loss, arm, p, low=0.0, high=1.0)
    bets = wealth(found)
    alpha = math.exp(-float(bets.path[-1]))
    assert at_least(bets, alpha * 1.01, width=1.0) > 0 > at_least(bets, alpha * 0.99, width=1.0)


def test_bounds_close_in_on_the_difference() -> None:
    """More units give narrower bounds, with the difference between them."""
    widths = []
    for n in (500, 5_000, 50_000):
        found = drawn(*units(n, 0.2, gap=0.05), low=0.0, high=1.0)
        low = at_least(wealth(found), 0.05, width=1.0)
        high = -at_least(wealth(found, against=True), 0.05, width=1.0)
        assert low < 0.0493 < high  # what the bounds of losses leave of 0.05
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_without_units_nothing_is_known() -> None:
    """No units: no look, and the difference may be anything."""
    found = drawn(*units(0, 0.5), low=0.0, high=1.0)
    assert len(wealth(found).path) == 0
    assert at_least(wealth(found), 0.05, width=1.0) == -1.0


def test_a_shadow_takes_differences_of_one_unit() -> None:
    """Losses of both arms that differ little are told apart in few units, however much units differ among each other."""
    loss = np.random.default_rng(1).random(300)
    found = paired(np.minimum(loss + 0.03, 1.0), loss, width=1.0)
    assert at_least(wealth(found), 0.05, width=1.0) > 0


def test_scale_is_of_no_matter() -> None:
    """Losses a thousand times as large give bounds a thousand times as wide, and the same evidence."""
    loss, arm, p = units(3_000, 0.5, gap=0.05)
    one = wealth(drawn(loss, arm, p, low=0.0, high=1.0))
    other = wealth(drawn(loss * 1000, arm, p, low=0.0, high=1000.0))
    np.testing.assert_allclose(one.path, other.path, rtol=1e-9)
    assert at_least(other, 0.05, width=1000.0) == pytest.approx(1000 * at_least(one, 0.05, width=1.0), rel=1e-6)
    assert stakes(1000.0)[0] == stakes(1.0)[0] / 1000
