"""What insights say, arranged for a page."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.faces.web.delivered import TRENDS, amount, bar, courses, find_measure, lost, sentence
from loopline.nouns.insight import Delivered, Insights, Lane, Measure, Period, Stage, Stream

HOUR = 3_600_000_000


def stream(*stages: Stage, lead: float | None = 10.0 * HOUR, n: int = 8) -> Stream:
    """Give a stream whose bottleneck is the largest stage."""
    worst = max(stages, key=lambda one: one.share).name if stages else ""
    return Stream("all", Measure("lead time", "s", lead, n=n), lead or 0.0, stages, worst, "")


def found(**more: Any) -> Insights:
    """Give insights with a lane of code that has one number of two parts."""
    parts = (Measure("planned", "per day", 0.4, n=4), Measure("unplanned", "per day", 0.1, n=1))
    one = Measure("deployment frequency", "per day", 0.5, n=5, trend=(Period(0, 0.5, None, 5),), parts=parts)
    idle = Measure("change fail rate", "share", 0.0, n=5, of=0, trend=(Period(0, 0.0, None, 5),))
    return Insights(
        "flights", 0, 1, 1, "UTC",
        (Lane("code", (one, idle), (Delivered("service/delay@prod", (one,)),)), Lane("data", ()), Lane("model", ())), **more,
    )  # fmt: skip


def test_the_sentence_says_stage_share_and_what_half_of_it_would_do() -> None:
    """With the mean as it is and as it would be, in lengths that people say."""
    told = lost(stream(Stage("reviewing", 6 * HOUR, 9 * HOUR, 0.62), Stage("waiting", HOUR, HOUR, 0.38)))
    assert told is not None
    assert told.stage == "reviewing"
    assert told.said.replace("\u00a0", " ").startswith("takes 62 % of the time of 8 changes")
    assert told.then.replace("\u00a0", " ") == "Halve it: 31 % less, 6 h 54 min on average in place of 10 h."


def test_without_a_change_nothing_is_lost() -> None:
    """Neither where none was applied, nor where each was applied at once."""
    assert lost(stream(n=0, lead=None)) is None
    assert lost(stream(lead=0.0)) is None


def test_the_bar_is_said_as_well_as_drawn() -> None:
    """Its description has every stage with its share, those without any, too."""
    drawn = str(bar(stream(Stage("reviewing", 1, 1, 0.75), Stage("rolling", 0, 0, 0.0), Stage("waiting", 1, 1, 0.25))))
    assert "<desc" in drawn
    assert "reviewing 75\u00a0%, rolling 0\u00a0%, waiting 25\u00a0%" in drawn


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        ("s", 3 * HOUR, "3 h"), ("s", 0, "0"), ("s", None, "–"), ("share", 0.314, "31\u00a0%"), ("share", 0.012, "1.2\u00a0%"),
        ("share", 0, "0\u00a0%"), ("per day", 0.27562, "0.276 per day"), ("count", 3.0, "3"), ("min", 12.5, "12.5 min"),
    ],
)  # fmt: skip
def test_a_value_is_written_in_its_unit(unit: Any, value: float | None, written: str) -> None:
    """What there is not is a dash, what is nothing is a bare 0."""
    assert amount(Measure("m", unit), value) == written


def test_a_number_is_found_by_where_the_table_has_it() -> None:
    """Lane or ref, measure, part; what is not there is not found."""
    here = found(streams=(stream(),))
    assert find_measure(here, "delivery", "code", "deployment frequency", "") is here.lanes[0].measures[0]
    assert find_measure(here, "delivery", "service/delay@prod", "deployment frequency", "unplanned") is not None
    assert find_measure(here, "changes", "all", "lead time", "") is here.streams[0].lead
    for where in (("delivery", "data", "deployment frequency", ""), ("delivery", "code", "deployment frequency", "x"),
                  ("learning", "", "x", ""), ("people", "", "x", "")):  # fmt: skip
        assert find_measure(here, *where) is None


def test_what_never_happened_has_no_picture() -> None:
    """A rate of nothing is said as a number; a flat line of it would only take room."""
    assert [one.title for one in courses(found())] == ["Deployment frequency, code"]


def test_a_sentence_keeps_its_letters() -> None:
    """The first is large, the others are as they were, and there is one dot."""
    assert sentence("the ML score is 3.") == "The ML score is 3."
    assert sentence("") == ""


def test_half_a_year_of_weeks_is_light() -> None:
    """Thirteen courses of 27 weeks, with their tables, take less than the page may weigh with all else."""
    week = 7 * 24 * HOUR
    trend = tuple(Period(at * week, (3 + at % 5) * 1.3 * HOUR, (9 + at % 7) * 1.7 * HOUR, 3 + at) for at in range(27))
    names = ("change lead time", "deployment frequency", "failed-deployment recovery time")
    lanes = tuple(
        Lane(name, tuple(Measure(one, "s", HOUR, n=9, trend=trend) for one in names))
        for name in ("code", "data", "model")
    )
    friction = tuple(Measure(name, "s", HOUR, n=9, trend=trend) for name in TRENDS)
    drawn = courses(Insights("flights", 0, 1, 1, "UTC", lanes, friction=friction))
    assert len(drawn) == 13
    assert sum(len(str(one.drawing).encode()) for one in drawn) < 110_000
