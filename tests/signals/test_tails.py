from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from loopline.signals.tails import benjamini_hochberg, chi_squared, kolmogorov


@pytest.mark.parametrize("x", [0.0, 0.03, 0.2, 0.5, 0.99, 1.0, 1.01, 1.36, 2.0, 4.0, 9.0])
def test_the_kolmogorov_tail_is_scipys(x: float) -> None:
    """Both series give what scipy gives, on either side of where they meet."""
    assert kolmogorov(x) == pytest.approx(special.kolmogorov(x), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 5, 49, 100])
def test_the_chi_squared_tail_is_scipys(freedom: int) -> None:
    """From 0 to far out, in both halves of the computation."""
    for share in (0.0, 0.1, 0.9, 1.0, 1.5, 3.0, 20.0):
        x = share * freedom
        assert chi_squared(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-8, abs=1e-13), share


def test_q_values_are_scipys() -> None:
    """The same p-values give the same q-values, ties and all; none gives none."""
    p = np.round(np.random.default_rng(0).random(40), 1)
    assert benjamini_hochberg(p.tolist()) == pytest.approx(stats.false_discovery_control(p))
    assert benjamini_hochberg([]) == ()
