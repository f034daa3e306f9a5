from __future__ import annotations

import pytest

from loopline.serving.pace import Pace


def test_nothing_is_expected_of_a_model_that_nobody_has_asked() -> None:
    """Before the first batch nobody is turned away for what is not known."""
    assert Pace().expect(1000, 16) == 0.0


def test_a_model_that_takes_as_long_for_many_rows_as_for_one_is_not_taken_for_slow() -> None:
    """After single rows of 20 ms each, 64 more rows in one batch are expected to take 20 ms, not 64 times that."""
    pace = Pace()
    for _ in range(50):
        pace.learn(1, 0.02)
    assert pace.expect(64, 1) == pytest.approx(0.02)


@pytest.mark.parametrize(("each", "row"), [(0.004, 0.0), (0.0, 0.002), (0.001, 0.0005)])
def test_what_a_batch_takes_and_what_a_row_takes_are_told_apart(each: float, row: float) -> None:
    """Batches of different sizes show how much of their time is for each row."""
    pace = Pace()
    for rows in (1, 64, 3, 40, 17, 1, 64, 20) * 4:
        pace.learn(rows, each + rows * row)
    assert pace.expect(640, 10) == pytest.approx(10 * each + 640 * row, rel=1e-6)


def test_a_pace_that_changes_is_followed() -> None:
    """A model that becomes slower is soon known to be slow."""
    pace = Pace()
    for took in (0.001,) * 50 + (0.1,) * 50:
        pace.learn(1, took)
    assert pace.expect(1, 1) == pytest.approx(0.1, rel=0.01)


def test_no_batch_is_expected_to_take_less_time_for_more_rows() -> None:
    """Noise in which larger batches were quicker makes no promise of negative time."""
    pace = Pace()
    for rows, took in ((64, 0.001), (1, 0.01)) * 20:
        pace.learn(rows, took)
    assert pace.expect(10_000, 157) > 0
