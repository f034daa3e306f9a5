from __future__ import annotations

from loopline.faces.web.differences import ALL_LINES, LINES, against_base, texts
from loopline.nouns.evaluation import Estimate
from loopline.nouns.patch import Patch


def test_lines_are_numbered_on_both_sides() -> None:
    """A line that stayed has both numbers, one that went or came the one of its side."""
    (text,) = texts([Patch("a.txt", "changed", "@@ -3,3 +3,3 @@\n a\n-b\n+B\n c")])
    assert [(sign, old, new, str(line)) for sign, old, new, line in text.lines] == [
        ("@", "", "", "@@ -3,3 +3,3 @@"), (" ", "3", "3", "a"), ("-", "4", "", "b"), ("+", "", "4", "B"), (" ", "5", "5", "c"),
    ]  # fmt: skip
    assert text.open


def test_code_is_coloured_and_harmless() -> None:
    """Keywords and texts of code have a class; whatever else stands in it is escaped."""
    (text,) = texts([Patch("a.py", "added", "@@ -0,0 +1,2 @@\n+def f(): return '<script>'  # <b>\n+<script>")])
    assert '<span class="t-key">def</span>' in text.lines[1][3]
    assert "<script>" not in "".join(line for *_, line in text.lines)
    (plain,) = texts([Patch("a.csv", "added", "@@ -0,0 +1 @@\n+def <b>")])
    assert str(plain.lines[1][3]) == "def &lt;b&gt;"


def test_a_page_stays_a_page() -> None:
    """Of a long difference the beginning is shown, and how much more there is."""
    long = Patch("a.txt", "added", "@@ -0,0 +1,2000 @@\n" + "\n".join("+x" for _ in range(2000)))
    found = texts([long] * 5)
    assert [len(one.lines) for one in found] == [LINES, LINES, LINES, ALL_LINES - 3 * LINES, 0]
    assert all(len(one.lines) + one.more == 2001 for one in found)
    assert texts([Patch("x.bin", "changed", note="no text")])[0].lines == []


def test_differences_know_which_side_is_better() -> None:
    """Less loss is good and less area is bad; what may be chance, and what nobody knows, is neither."""
    rows = [
        Estimate("log_loss", 1, delta=-0.1, delta_low=-0.2, delta_high=-0.05),
        Estimate("roc_auc", 1, delta=-0.1, delta_low=-0.2, delta_high=-0.05),
        Estimate("roc_auc", 1, delta=0.1, delta_low=-0.1, delta_high=0.3),
        Estimate("odd", 1, delta=0.1, delta_low=0.05, delta_high=0.3),
        Estimate("roc_auc", 1, slice="carrier", member="<b>", delta=0.1),
    ]
    everything, sliced = against_base(rows)
    assert (everything[1].count("s-good"), everything[1].count("s-bad")) == (4, 4)
    assert (sliced[0], "<b>" in sliced[1]) == ("By carrier", False)
    assert against_base([Estimate("x", 1)]) == []
