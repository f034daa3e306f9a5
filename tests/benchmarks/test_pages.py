"""What is measured of pages is what was measured."""

from __future__ import annotations

import pytest

from benchmarks.measure import Sample
from benchmarks.pages import TRIES, painted


def test_a_look_without_a_paint_is_repeated() -> None:
    """A browser that did not say when it painted is asked again, and its nothing is not taken for a time."""
    looks = [Sample(1.0, 0.0), Sample(2.0, 0.0), Sample(3.0, 140.0)]
    assert painted(lambda: looks.pop(0), about="runs") == Sample(3.0, 140.0)
    assert not looks


def test_a_page_that_never_paints_has_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    """After some looks the measurement is refused, and says of which page."""
    looks = iter(range(1, 100))
    with pytest.raises(RuntimeError, match="runs has painted nothing"):
        painted(lambda: Sample(float(next(looks)), 0.0), about="runs")
    assert next(looks) == TRIES + 1
    assert capsys.readouterr().err.count("once more") == TRIES - 1
