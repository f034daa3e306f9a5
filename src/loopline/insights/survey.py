"""survey: what is asked of people, in which period, and what may be told of the answers.

The questions of a quarter follow Noda, Storey, Forsgren and Greiler, "DevEx: What Actually Drives Productivity" (ACM Queue 21(2),
2023); those of a month are asked at the moment, with one click. Told is only what at least five people have said in a period that
is over: while it runs, the difference between two looks would be the answer of whoever came between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from loopline.insights.calendar import month, quarter
from loopline.nouns.insight import Perceived
from loopline.nouns.response import Question

if TYPE_CHECKING:
    from loopline.insights.calendar import Window

FEWEST: Final = 5
"""Fewer answers are hidden."""
SCALE: Final = ("very dissatisfied", "dissatisfied", "neither", "satisfied", "very satisfied")
AGREE: Final = ("strongly disagree", "disagree", "neither", "agree", "strongly agree")
CLICK: Final = ("no", "yes")
QUESTIONS: Final = (
    Question("test-speed", "How satisfied are you with how fast tests and checks answer?", "quarter", SCALE),
    Question(
        "local-change",
        "How satisfied are you with the time it takes to validate a change on your machine?",
        "quarter",
        SCALE,
    ),
    Question("understanding", "The code and the pipelines that I work on are easy to understand.", "quarter", AGREE),
    Question("focus", "I have enough time without interruptions for what needs focus.", "quarter", AGREE),
    Question("goals", "I know what our work is for, and when it is good.", "quarter", AGREE),
    Question("delivery", "All in all, it is easy to bring a change to production here.", "quarter", AGREE),
    Question("review-ok", "Was this review OK?", "month", CLICK),
    Question("pipeline-ok", "Was this pipeline OK?", "month", CLICK),
    Question("docs-ok", "Was this page of the documents OK?", "month", CLICK),
)
_UTC: Final = ZoneInfo("UTC")


def question(name: str) -> Question | None:
    """Find one."""
    return next((one for one in QUESTIONS if one.name == name), None)


def period(asked: Question, at: int) -> str:
    """Name the period that an answer at this time belongs to, in UTC: the same for everybody."""
    return quarter(at, _UTC) if asked.every == "quarter" else month(at, _UTC)


def running(at: int) -> tuple[str, str]:
    """Name the quarter and the month that run."""
    return quarter(at, _UTC), month(at, _UTC)


def periods(window: Window) -> tuple[str, ...]:
    """Name every quarter and month that the window touches."""
    found: dict[str, None] = {}
    at = window.since
    while at < window.until and len(found) < 2000:
        found[quarter(at, _UTC)] = None
        found[month(at, _UTC)] = None
        at += 27 * 86_400_000_000
    found.update(dict.fromkeys(running(window.until - 1)))
    return tuple(found)


def perceived(rows: Iterable[tuple[str, str, int, int]], asked: int | None, now: int) -> tuple[Perceived, ...]:
    """Tell what may be told of (question, period, value, how many): newest period first, in the order of the questions."""
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for name, when, value, count in rows:
        counts[name, when][value] = count
    order = {one.name: place for place, one in enumerate(QUESTIONS)}
    keys = sorted((key for key in counts if key[0] in order), key=lambda key: order[key[0]])
    return tuple(
        _told(QUESTIONS[order[name]], when, counts[name, when], asked, now)
        for name, when in sorted(keys, key=lambda key: key[1], reverse=True)
    )


def _told(one: Question, when: str, counts: Mapping[int, int], asked: int | None, now: int) -> Perceived:
    n = sum(counts.values())
    rate = min(1.0, n / asked) if asked else None
    hidden = ""
    if when in running(now):
        hidden = f"{when} still runs: told when it is over"
    elif n < FEWEST:
        hidden = f"fewer than {FEWEST} answered"
    if hidden:
        return Perceived(one.name, one.text, when, asked, n, rate, hidden)
    mean = sum(value * count for value, count in counts.items()) / n
    spread = tuple(counts.get(value, 0) for value in range(1, len(one.scale) + 1))
    return Perceived(one.name, one.text, when, asked, n, rate, mean=mean, counts=spread)
