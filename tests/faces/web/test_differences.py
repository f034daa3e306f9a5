from __future__ import annotations

import re

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
    drawn = against_base(rows)
    whole = drawn.whole or ""
    assert (whole.count("s-good"), whole.count("s-bad")) == (4, 4)
    assert ([title for title, _ in drawn.shades], "<b>" in drawn.shades[0][1]) == (["By carrier"], False)
    nothing = against_base([Estimate("x", 1)])
    assert (nothing.whole, nothing.shades, nothing.single) == (None, [], [])


def test_the_worst_slice_and_what_a_policy_names_come_first() -> None:
    """A member that became worse stands above those that became better, and a metric of the policy before the others."""
    rows = [
        Estimate("brier", 1, slice="carrier", member="good", delta=-0.1, delta_low=-0.2, delta_high=-0.05),
        Estimate("roc_auc", 1, slice="carrier", member="bad", delta=-0.3, delta_low=-0.4, delta_high=-0.2),
        Estimate("roc_auc", 1, slice="carrier", member="good", delta=0.3, delta_low=0.2, delta_high=0.4),
    ]
    drawn = against_base(rows, first=["roc_auc"])
    ((_, shades),) = drawn.shades
    assert shades.index(">bad<") < shades.index(">good<")
    assert [title for title, _ in drawn.single] == ["roc_auc by carrier", "brier by carrier"]


def test_metrics_of_other_units_have_scales_of_their_own() -> None:
    """A small difference of one metric is as wide as a large one of another."""
    small = Estimate("roc_auc", 1, delta=0.001, delta_low=0.0005, delta_high=0.002)
    large = Estimate("log_loss", 1, delta=10.0, delta_low=5.0, delta_high=20.0)
    found = re.findall(r'<circle cx="([0-9.]+)"', against_base([small, large]).whole or "")
    assert len(set(found)) == 1


def test_a_line_that_is_cut_says_so() -> None:
    """What does not fit ends in an ellipsis, so two long lines do not look alike."""
    (found,) = texts([Patch("x.txt", "changed", "@@ -1 +1 @@\n-" + "a" * 900)])
    assert found.lines[1][3].endswith("…")
