"""Insights as a lead reads them."""

from __future__ import annotations

import io
from dataclasses import replace

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.nouns.assessment import Assessment
from loopline.nouns.insight import Insights, Lane, Maturity, Measure, Perceived, Period, Practice, Stage, Stream
from loopline.nouns.response import Response

HOUR = 3_600_000_000
DAY = 24 * HOUR


def drawn(value: object, *, verbose: int = 0) -> str:
    """Draw something."""
    screen = Screen(io.StringIO(), io.StringIO(), environ={})
    screen.verbose = verbose
    return "\n".join(draw(value, screen))


def keys(count: int) -> tuple[Measure, ...]:
    """Two of the five."""
    return (
        Measure(
            "deployment frequency",
            "per day",
            0.5,
            n=count,
            why="on 2 of 30 days",
            trend=(Period(0, 1, None, 1), Period(1, 2, None, 2)),
        ),
        Measure("failed-deployment recovery time", "s", None, n=count, open=count),
    )


FOUND = Insights(
    "flights", 0, 30 * DAY, 30 * DAY, "Europe/Berlin",
    lanes=(Lane("code", keys(3)), Lane("data", (Measure("x", "s", known=False), Measure("y", "s"))), Lane("model", keys(1))),
    learning=(Measure("model staleness", "s", known=False, why="no model is in production"),),
    streams=(
        Stream(
            "all", Measure("lead time", "s", 50 * HOUR, 90 * HOUR, 8),
            60 * HOUR, (Stage("waiting", HOUR, 2 * HOUR, 0.38), Stage("reviewing", 30 * HOUR, 40 * HOUR, 0.62)), "reviewing",
            "reviewing takes 62% of the time; half of it: 31% less on average",
        ),
    ),
    friction=(Measure("flake rate", "share", 0.25, n=8, of=2),),
    maturity=Maturity(
        1, "training is automated", (("data", 1.5), ("model", 3.0)), 1.5, 9, "loopline assess privacy no|manual|automated",
        "weakest",
        (Practice("privacy", "data", "Personal data are guarded.", "not known", "nobody", "ask"),),
    ),
    survey=(
        Perceived("delivery", "t", "2026-Q3", 6, 5, 0.8, mean=4.0, counts=(0, 0, 0, 5, 0)),
        Perceived("focus", "t", "2026-Q4", None, 2, None, hidden="fewer than 5 answered"),
    ),
)  # fmt: skip


def test_a_page_says_where_time_goes() -> None:
    """The lanes beside each other, the stages with their share, the bottleneck and what half of it would do, the next step."""
    text = drawn(FOUND)
    assert "flights  1970-01-01 to 1970-01-31, Europe/Berlin" in text
    assert "0.5 per day (n 3)" in text
    assert "– (n 3, 3 open)" in text
    assert "not known" in text
    assert "changes  lead time 2 d 2 h (p90 3 d 18 h, n 8)" in text
    assert "62%  ████████████" in text
    assert "bottleneck: reviewing; half of it: 31% less on average" in text
    assert "half of it: −31%" in text
    assert "25% (2 of 8)" in text
    assert "no model is in production" in text
    assert "score 1.5 of 7: data 1.5, model 3" in text
    assert "next: loopline assess privacy" in text
    assert "5 of 6 answered" in text
    assert "fewer than 5 answered" in text
    assert "Personal data" not in text
    assert "Personal data are guarded." in drawn(FOUND, verbose=1)


def test_nothing_is_drawn_as_nothing() -> None:
    """Without changes and answers there is a line that says so."""
    empty = replace(FOUND, streams=(Stream("all", Measure("lead time", "s")),), maturity=None, survey=())
    text = drawn(empty)
    assert "none was applied" in text
    assert "nobody has answered yet" in text


def test_an_answer_is_taken_without_repeating_it() -> None:
    """Whoever looks over the shoulder sees neither what was said nor by whom."""
    assert "thank you" in drawn(Response("delivery", "2026-Q4", replaced=True))
    assert drawn(Assessment("privacy", "manual", "by name", "person:ann", 1)) == "privacy: manual (by name)"


def test_a_short_history_says_so_before_its_first_number() -> None:
    """Whoever reads seconds learns first that the ledger has known the project for minutes."""
    told = drawn(replace(FOUND, young="the ledger knows 4 minutes of this project")).splitlines()
    assert told[1].startswith("the ledger knows 4 minutes")
