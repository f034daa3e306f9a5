"""What stands in RESULTS.md about the judge is what the simulations found."""

from __future__ import annotations

import numpy as np

from benchmarks.judging import ALIKE, WORSE, Rollout, events, metric, notes, ours, theirs
from benchmarks.measure import Measured


def test_each_rule_stops_an_arm_that_is_broken() -> None:
    """A candidate that fails nine times in ten is stopped by every rule, in few units."""
    broken = Rollout(worse=0.9)
    made = events(broken, 1)
    stopped = [
        ours(broken, made),
        *(theirs(rule, broken, made) for rule in ("fixed_threshold", "mann_whitney", "bonferroni")),
    ]
    assert all(units is not None and units < 1_000 for units in stopped)


def test_candidates_that_are_alike_are() -> None:
    """In the rows on false alarms both arms have the same values, up to chance, in each period of one weight."""
    for like in ALIKE.values():
        assert like.worse == 0
    made = events(ALIKE["errors, bursts of ten"], 2)
    assert abs(made["value"][made["arm"]].mean() - made["value"][~made["arm"]].mean()) < 0.04
    assert np.all(np.diff(made["at"]) >= 0)
    assert all(like.worse > 0 for like in WORSE.values())
    assert metric("brier").kind == "loss"


def test_the_page_has_every_row() -> None:
    """Each rollout has a line with a figure of each rule, and what raises too many false alarms stands out."""
    measured = [
        Measured(what, who, found={"stopped": 0.5, "units": 120.0})
        for what in (*ALIKE, *WORSE)
        for who in ("loopline", "Mann-Whitney at each look")
    ]
    page = notes(measured)
    assert all(f"| {what} |" in page for what in (*ALIKE, *WORSE))
    assert page.count("**50.0%**") == 2 * len(ALIKE)
    assert "50%, 120" in page
