"""Quality as people read it."""

from __future__ import annotations

import io

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.nouns.evaluation import Estimate
from loopline.nouns.quality import Cell, Quality


def test_each_cell_is_a_line_with_its_coverage() -> None:
    """A cell tells when, which arm, how many rows and which share has labels; without estimates it says why."""
    good = Cell(0, 1, "champion", "model/delay@7", predictions=4, labelled=3, estimates=(Estimate("brier", 0.25, n=3),))
    poor = Cell(0, 1, "champion", "model/delay@7", "carrier", "UA", predictions=2, note="no labels yet")
    lines = list(
        draw(Quality("service/delay@prod", 0, (good, poor), unmatched=2), Screen(io.StringIO(), io.StringIO()))
    )
    assert "75%" in lines[1]
    assert "0.25" in lines[1]
    assert "carrier=UA" in lines[2]
    assert "no labels yet" in lines[2]
    assert "2 labels" in lines[3]
