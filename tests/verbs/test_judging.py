"""What is known about a rollout before it begins, and what its metrics are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from loopline.verbs.judging import loss

from .test_steering import begun, go, rollout

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World
    from .test_steering import Traffic

__all__ = ("begun",)


def test_a_forecast_is_made_of_what_the_old_version_met(world: World, begun: tuple[Change, Traffic]) -> None:
    """Each step and metric has one; with few units a day it says that too few will come."""
    begun[1].flow(60)
    begun[1].flow(60)
    go(world)
    found = rollout(world).forecast
    assert [(one.step, one.metric) for one in found] == [(0, "brier"), (0, "errors"), (1, "brier"), (1, "errors")]
    assert all(one.needed > 0 for one in found)
    assert not all(one.enough for one in found)


@pytest.mark.parametrize(
    ("metric", "score", "truth", "expected"),
    [
        ("brier", 0.8, 1.0, 0.04),
        ("squared_error", 3.0, 1.0, 4.0),
        ("absolute_error", 3.0, 1.0, 2.0),
        ("wrong", 0.8, 1.0, 0.0),
        ("wrong", 0.4, 1.0, 1.0),
        ("log_loss", 0.5, 0.0, np.log(2)),
        ("log_loss", 0.0, 1.0, -np.log(1e-15)),
        ("wrong", np.nan, 1.0, np.nan),
        ("brier", 0.5, np.nan, np.nan),
        ("log_loss", 0.5, np.nan, np.nan),
    ],
)
def test_each_loss_is_what_its_name_says(metric: str, score: float, truth: float, expected: float) -> None:
    """Where the score or the truth is missing there is none."""
    found = loss(metric, np.array([score]), np.array([truth]))[0]
    assert found == pytest.approx(expected, nan_ok=True)
