from __future__ import annotations

from loopline.faces.web.charts.profile import profile
from loopline.nouns.preview import Bin, Column, Frequent

NEW = Column("x", "BIGINT", histogram=(Bin(0, 5, 8), Bin(5, 10, 2)))


def test_numbers_are_bars_and_the_old_side_an_outline() -> None:
    """One path of bars for a column, and another over it for what it was before, on the same scale."""
    assert profile(NEW).count("<path") == 1
    both = profile(NEW, Column("x", "BIGINT", histogram=(Bin(10, 20, 1),)))
    assert both.count("<path") == 2
    assert "from 0 to 20" in both


def test_words_are_bars_of_their_counts() -> None:
    """Frequent values are drawn, named in the description, and escaped."""
    drawn = profile(Column("<b>", "VARCHAR", top=(Frequent("<i>", 3), Frequent("b", 1))))
    assert ("&lt;i&gt;, b" in drawn, "<i>" in drawn, "<b>" in drawn) == (True, False, False)


def test_nothing_is_drawn_of_nothing() -> None:
    """Without a column there is no picture; a column without values, or with one value only, still has one."""
    assert profile(None) == ""
    assert profile(Column("x", "STRUCT")).startswith("<svg")
    assert profile(Column("x", "BIGINT", histogram=(Bin(3, 3, 7),))).count("V") > 0
