from __future__ import annotations

import pytest

from loopline.insights.calendar import Window
from loopline.insights.survey import QUESTIONS, perceived, period, periods, question, running

NOVEMBER = 1_795_000_000_000_000
"""2026-11-18."""


def test_each_question_has_its_period() -> None:
    """Those of a quarter have five answers, those of a month are one click."""
    delivery, click = question("delivery"), question("review-ok")
    assert delivery is not None
    assert click is not None
    assert (period(delivery, NOVEMBER), period(click, NOVEMBER)) == ("2026-Q4", "2026-11")
    assert (len(delivery.scale), len(click.scale)) == (5, 2)
    assert question("salary") is None
    assert running(NOVEMBER) == ("2026-Q4", "2026-11")
    assert len({one.name for one in QUESTIONS}) == len(QUESTIONS)


def test_a_window_touches_whole_periods() -> None:
    """From the one in which it begins to the one in which it ends."""
    day = 86_400_000_000
    assert set(periods(Window(NOVEMBER - 50 * day, NOVEMBER, NOVEMBER))) == {
        "2026-Q3",
        "2026-Q4",
        "2026-09",
        "2026-10",
        "2026-11",
    }


@pytest.mark.parametrize(("count", "shown"), [(1, False), (4, False), (5, True), (30, True)])
def test_fewer_than_five_are_hidden(count: int, *, shown: bool) -> None:
    """How many there were is told, so that the rate of responses can be; what they said is not."""
    (found,) = perceived([("delivery", "2026-Q3", 4, count)], 10, NOVEMBER)
    assert (found.n, found.rate) == (count, min(1, count / 10))
    assert (found.mean is not None, bool(found.counts), not found.hidden) == (shown, shown, shown)


def test_what_still_runs_is_hidden_whatever_the_count() -> None:
    """Between two looks may lie one answer, and the difference would be it."""
    found = perceived(
        [("delivery", "2026-Q4", 4, 90), ("review-ok", "2026-11", 1, 90), ("review-ok", "2026-10", 1, 90)],
        100,
        NOVEMBER,
    )
    assert [(one.period, bool(one.hidden)) for one in found] == [
        ("2026-Q4", True),
        ("2026-11", True),
        ("2026-10", False),
    ]


def test_what_is_told_is_a_distribution() -> None:
    """Counts from the least answer to the greatest, and their mean; a question that is gone is left out."""
    rows = [("review-ok", "2026-10", 1, 2), ("review-ok", "2026-10", 2, 6), ("gone", "2026-10", 1, 9)]
    (found,) = perceived(rows, None, NOVEMBER)
    assert (found.counts, found.mean, found.rate, found.asked) == ((2, 6), 1.75, None, None)
