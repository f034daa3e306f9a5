"""names: what `evaluate` measures is what policies may name."""

from __future__ import annotations

from loopline.checks.metrics import evaluate
from loopline.checks.names import BINARY, KNOWN, REGRESSION
from loopline.checks.requirements import parse_comparison


def test_every_known_metric_is_measured_and_can_be_asked_for() -> None:
    """Each name is a metric that `evaluate` gives and that a policy's line can be about."""
    binary = evaluate([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.6], metrics=BINARY, resamples=0)
    regression = evaluate([1.0, 2.0], [1.5, 2.0], kind="regression", metrics=REGRESSION, resamples=0)
    assert tuple(one.metric for one in (*binary.estimates, *regression.estimates)) == KNOWN
    assert [parse_comparison(f"{name} >= base").metric for name in KNOWN] == list(KNOWN)
