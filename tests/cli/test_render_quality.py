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


def test_of_several_classes_the_answer_says_what_was_measured() -> None:
    """Whether an answer is right, or which class is held against the others; of two classes nothing has to be said."""
    cell = Cell(0, 1, "champion", "model/iris@7", predictions=4, labelled=3)
    classes = ("setosa", "versicolor", "virginica")
    told = {
        "": Quality("s", 0, (cell,), kind="binary", score="p[1]", positive="1", classes=("0", "1")),
        "predict is the label": Quality("s", 0, (cell,), kind="classes", score="predict", classes=classes),
        "setosa against the other 2 classes, by p[0]": Quality("s", 0, (cell,), score="p[0]", positive="setosa", classes=classes),
    }  # fmt: skip
    for words, quality in told.items():
        lines = list(draw(quality, Screen(io.StringIO(), io.StringIO())))
        assert words in lines[-1]
        assert len(lines) == (3 if words else 2)
