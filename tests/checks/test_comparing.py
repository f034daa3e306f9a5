"""comparing: what a comparison says about an estimate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.checks.comparing import judge
from loopline.checks.requirements import parse_comparison
from loopline.nouns.evaluation import Estimate


def estimate(**given: Any) -> Estimate:
    """Make an estimate that is 0.75 [0.74, 0.76], base 0.76, difference -0.01 [-0.02, 0]."""
    standing: dict[str, Any] = dict(
        metric="m", value=0.75, low=0.74, high=0.76, n=1000, base=0.76, delta=-0.01, delta_low=-0.02, delta_high=0.0
    )
    return Estimate(**{**standing, **given})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("m >= 0.75", True),
        ("m > 0.75", False),
        ("m <= 0.75", True),
        ("m < 0.75", False),
        ("m >= 0.75 confident", False),
        ("m >= 0.74 confident", True),
        ("m <= 0.75 confident", False),
        ("m <= 0.76 confident", True),
        ("m >= base", False),
        ("m >= base - 0.01", True),
        ("m > base - 0.01", False),
        ("m >= base - 0.01 confident", False),
        ("m >= base - 0.02 confident", True),
        ("m <= base confident", True),
        ("m < base confident", False),
        ("m <= base * 0.98", False),
        ("m <= base * 0.99", True),
        ("m >= base * 0.97 confident", True),
        ("m >= base * 0.98 confident", False),
    ],
)
def test_comparisons_on_an_estimate(text: str, *, holds: bool) -> None:
    """`confident` asks the pessimistic end: of the value for a number, of the paired difference for the base."""
    assert judge(parse_comparison(text), estimate()).holds is holds


def test_what_an_estimate_lacks_does_not_hold() -> None:
    """Without a base or an interval the comparison does not hold and says what is missing."""
    assert judge(parse_comparison("m >= base - 9"), estimate(base=None, delta=None)).missing == "base"
    assert judge(parse_comparison("m >= 0 confident"), estimate(low=None)).missing == "interval"
    found = judge(parse_comparison("m >= base - 9 confident"), estimate(delta_low=None))
    assert (found.holds, found.missing) == (False, "interval")


def test_people_see_both_sides() -> None:
    """Observed and needed are written with values, base and intervals."""
    found = judge(parse_comparison("m >= base - 0.005"), estimate())
    assert found.observed == "0.75, base 0.76, difference -0.01 [-0.02, +0]"
    assert found.needed == ">= 0.755"


@given(st.floats(-10, 10), st.floats(0, 1), st.floats(0, 1), st.floats(-10, 10))
def test_confident_is_never_easier(value: float, below: float, above: float, bound: float) -> None:
    """Whatever holds confidently also holds of the value alone."""
    one = Estimate("m", value, value - below, value + above)
    for sign in (">=", ">", "<=", "<"):
        text = f"m {sign} {bound:f}"
        if judge(parse_comparison(f"{text} confident"), one).holds:
            assert judge(parse_comparison(text), one).holds
