from __future__ import annotations

import pytest

from loopline.insights.calendar import Window
from loopline.insights.friction import Work, measures
from loopline.nouns.insight import Measure

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
WINDOW = Window(0, 28 * DAY, 28 * DAY)


def of(work: Work) -> dict[str, Measure]:
    """All by name."""
    return {one.name: one for one in measures(work, WINDOW)}


def test_nothing_recorded_is_nothing_claimed() -> None:
    """No value over nothing, and what cannot be known says why."""
    found = of(Work())
    assert {name for name, one in found.items() if one.value is not None} == {"unplanned work"}
    assert {name for name, one in found.items() if not one.known} == {
        "time to first green run",
        "errors that end a session",
    }
    assert all(one.why for one in found.values() if not one.known)


def test_newcomers_are_told_from_five_on_and_never_one_by_one() -> None:
    """Fewer would tell of somebody; who has not got there yet counts as open; no list leads to them."""
    four = of(Work(made=0, green=MINUTE, newcomers=[(DAY, DAY + MINUTE)] * 4))["time to first green run"]
    assert (four.value, four.n, four.parts[0].known) == (MINUTE, 1, False)
    five = of(Work(made=0, green=MINUTE, newcomers=[*[(DAY, DAY + MINUTE)] * 4, (DAY, None)]))[
        "time to first green run"
    ]
    part = five.parts[0]
    assert (part.value, part.n, part.open, part.ids) == (MINUTE, 5, 1, ())
    assert not of(Work(made=0))["time to first green run"].known


def test_a_flake_passed_and_failed_with_equal_inputs() -> None:
    """What always failed is broken and no flake; the cost is what was run beside the longest."""
    rows = [("a", DAY, 1, 2, 9 * MINUTE, 4 * MINUTE), ("b", DAY, 0, 3, 9 * MINUTE, 3 * MINUTE), ("c", DAY, 2, 0, 2, 1)]
    found = of(Work(repeated=rows, rechecked=[("r", DAY, 1, 1), (None, DAY, 2, 0)]))["flake rate"]
    assert found.value == pytest.approx(1 / 3)
    assert found.ids == ("a",)
    checks, cost = found.parts
    assert (checks.value, cost.value) == (0.5, 5)


def test_the_cache_saves_what_steps_took_when_they_ran() -> None:
    """Two hits of four steps, nine minutes."""
    found = of(Work(cached=[("a", DAY, 4 * MINUTE), ("b", DAY, 5 * MINUTE)], steps=[1, 2, DAY, DAY]))["cache-hit rate"]
    assert (found.value, found.n, found.parts[0].value) == (0.5, 4, 9)


def test_each_queue_is_told_where_there_are_several() -> None:
    """And together."""
    one = of(Work(queued=[("a", "cpu", 0, MINUTE)]))["queue time"]
    assert (one.value, one.parts) == (MINUTE, ())
    two = of(Work(queued=[("a", "cpu", 0, MINUTE), ("b", "gpu", 0, 5 * MINUTE)]))["queue time"]
    assert [(part.name, part.value) for part in two.parts] == [("cpu", MINUTE), ("gpu", 5 * MINUTE)]


def test_feedback_is_measured_from_the_proposal() -> None:
    """Until the last check and until the first; what was checked before that took no time."""
    found = of(Work(verdicts=[("a", DAY, 2 * DAY, DAY + MINUTE, DAY + 9 * MINUTE)], feedback=[("r", DAY, MINUTE)]))
    assert (found["time to verdict"].value, found["time to verdict"].parts[0].value) == (9 * MINUTE, MINUTE)
    assert found["local feedback"].value == MINUTE


def test_a_review_that_still_waits_is_open() -> None:
    """It would be the longest of all."""
    found = of(Work(responded=[("a", DAY, "applied", DAY + MINUTE), ("b", DAY, "proposed", None)]))["review turnaround"]
    assert (found.value, found.n, found.open) == (MINUTE, 2, 1)


def test_rework_is_what_was_taken_back_within_three_weeks() -> None:
    """What is younger than that and stands does not count yet; what was taken back later is no rework."""
    applied = [("a", DAY), ("b", 2 * DAY), ("c", 20 * DAY), ("d", 21 * DAY)]
    found = of(Work(applied=applied, reverted={"a": 3 * DAY, "b": 27 * DAY, "c": 21 * DAY}))["rework"]
    assert (found.of, found.n, found.ids) == (2, 3, ("c", "a"))


def test_the_rest_are_plain_counts() -> None:
    """Shares of waiting, answers for each change, repeats with equal bytes, unplanned work by the week."""
    found = of(
        Work(
            applied=[("a", DAY), ("b", DAY)], approvals=3, waited=0.75, reproduced=[("r", DAY, 0), ("s", DAY, 2)],
            unplanned=[("incident", DAY, "i"), ("override", DAY, "o"), ("hotfix", DAY, "h"), ("incident", DAY, "j")],
        )
    )  # fmt: skip
    assert found["wait share"].value == 0.75
    assert found["hand-offs"].value == 1.5
    assert (found["reproduce rate"].value, found["reproduce rate"].ids) == (0.5, ("r",))
    assert (found["unplanned work"].value, found["unplanned work"].parts[0].ids) == (1, ("j", "i"))
