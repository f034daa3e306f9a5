from __future__ import annotations

import math

from loopline.faces.web.charts.forest import Delta, forest


def test_each_difference_is_a_row() -> None:
    """A dot, an interval and the number in words, coloured only where it is known for better or worse."""
    drawn = forest([Delta("auc", 0.1, 0.05, 0.2, "good"), Delta("<b>", -0.1)], title="t")
    assert drawn.count("<circle") == 2
    assert (drawn.count("s-good"), "<b>" in drawn) == (4, False)
    assert "from 0.0500 to 0.2000" in drawn
    assert "+0.1000" in drawn


def test_what_is_no_number_is_not_drawn() -> None:
    """Without any difference there is no picture; one that is no number stands in the table only."""
    assert forest([], title="t") == forest([Delta("x", math.nan)], title="t") == ""
    assert forest([Delta("x", math.nan), Delta("y", 0.0)], title="t").count("<circle") == 1
