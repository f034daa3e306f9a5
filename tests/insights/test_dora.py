"""Each trap that other tools fall into has its test here; the reference is docs/explain/delivery-measures.md."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from loopline.insights.calendar import Window
from loopline.insights.dora import Brought, Deployment, Record, Trouble, failures, five_keys
from loopline.nouns.insight import Measure

HOUR = 3_600_000_000
DAY = 24 * HOUR
WINDOW = Window(0, 30 * DAY, 30 * DAY)
REF = "service/delay@prod"


def d(change: str, day: float, kind: str = "planned", **more: Any) -> Deployment:
    """A deployment on a day."""
    return Deployment(change, more.pop("ref", REF), "code", int(day * DAY), kind, **more)


def brought(*units: tuple[str, float, float | None]) -> Brought:
    """Units with the days on which they were made and merged."""
    ids, made, merged = zip(*units, strict=True)
    on_main = [(len(list(some)), None if day is None else int(day * DAY)) for day, some in groupby(merged)]
    return Brought(ids, [int(day * DAY) for day in made], on_main)


def keys(record: Record, window: Window = WINDOW) -> dict[str, Measure]:
    """The five by name."""
    return {one.name: one for one in five_keys(record, window)}


def record(*deployments: Deployment, **more: Any) -> Record:
    """A history without trouble."""
    return Record(deployments, more.pop("troubles", {}), more.pop("units", {}), **more)


def test_days_without_a_deployment_count() -> None:
    """Two deployments in thirty days are 2/30 a day, whatever they are on the days on which there were some."""
    found = keys(record(d("a", 1, first=True), d("b", 3), d("c", 5, "hotfix"), d("late", 31)))["deployment frequency"]
    assert (found.n, found.ids) == (3, ("c", "b", "a"))
    assert found.value == pytest.approx(0.1)
    planned, unplanned, gap = found.parts
    assert (planned.n, unplanned.n, unplanned.ids) == (2, 1, ("c",))
    assert (gap.value, gap.n) == (2 * DAY, 2)
    assert found.why == "on 3 of 30 days"


def test_the_gap_is_between_deployments_of_one_ref() -> None:
    """Two refs that are deployed in turn do not shorten each other's gaps, and the one before the window counts as its start."""
    window = Window(2 * DAY, 30 * DAY, 30 * DAY)
    found = keys(record(d("a", 1), d("b", 2, ref="x"), d("c", 5), d("e", 6, ref="x")), window)["deployment frequency"]
    assert (found.parts[2].value, found.parts[2].n) == (4 * DAY, 2)


def test_the_first_deployment_of_a_ref_is_no_lead_time() -> None:
    """It brings the whole history: years of it (apache/devlake#8790)."""
    first, second = d("a", 1, first=True), d("b", 3)
    units = {
        first.key: brought(("old", 0, None)), second.key: brought(("x", 2, 2.5), ("y", 2.5, 3))
    }  # fmt: skip
    found = keys(record(first, second, units=units))["change lead time"]
    assert (found.value, found.n, found.ids) == (0.75 * DAY, 2, ("y", "x"))


def test_a_rollback_brings_no_commits() -> None:
    """Even one to a version that this ref has never been at."""
    back = d("b", 3, "rollback")
    found = keys(record(d("a", 1, first=True), back, units={back.key: brought(("x", 1, None))}))["change lead time"]
    assert (found.value, found.n) == (None, 0)


def test_a_deployment_of_the_same_again_adds_nothing() -> None:
    """It is counted as a deployment, and its commits were there before."""
    one, again = d("b", 3), d("c", 4)
    found = keys(record(d("a", 1, first=True), one, again, units={one.key: brought(("x", 2, None))}))
    assert (found["change lead time"].n, found["deployment frequency"].n) == (1, 3)


def test_until_the_main_branch_and_from_there_are_told_apart() -> None:
    """What GitLab calls lead time starts at the merge, and is the second part; who was never on main is counted and said."""
    one = d("b", 10)
    units = {one.key: brought(("x", 2, 9), ("y", 4, 9), ("z", 9, None))}
    found = keys(record(d("a", 1, first=True), one, units=units))["change lead time"]
    before, after = found.parts
    assert (found.value, before.value, after.value) == (6 * DAY, 6 * DAY, DAY)
    assert before.why == "1 got there without being on the main branch"
    none = keys(record(d("a", 1, first=True), one, units={one.key: brought(("z", 9, None))}))["change lead time"]
    assert [part.known for part in none.parts] == [False, False]


def test_recovery_ends_with_the_linked_fix_or_the_end_of_the_incident_if_earlier() -> None:
    """A later deployment that nobody linked as the fix does not end it."""
    bad, other, fix = d("a", 1), d("b", 2), d("c", 5, "hotfix")
    trouble = Trouble("a", int(1.5 * DAY), fixes=("c",))
    found = keys(record(bad, other, fix, troubles={"a": [trouble]}))["failed-deployment recovery time"]
    assert (found.value, found.n, found.open) == (4 * DAY, 1, 0)
    assert found.parts[0].value == 3.5 * DAY
    sooner = replace(trouble, resolved=4 * DAY)
    assert keys(record(bad, other, fix, troubles={"a": [sooner]}))["failed-deployment recovery time"].value == 3 * DAY
    later = replace(trouble, resolved=9 * DAY)
    assert keys(record(bad, other, fix, troubles={"a": [later]}))["failed-deployment recovery time"].value == 4 * DAY


def test_a_fix_of_another_ref_mends_nothing() -> None:
    """The deployment that failed stands until its own ref moves."""
    found = keys(record(d("a", 1), d("c", 5, ref="x"), troubles={"a": [Trouble("a", DAY, fixes=("c",))]}))
    assert found["failed-deployment recovery time"].open == 1


def test_an_open_failure_is_censored_not_left_out() -> None:
    """Two short ones that ended and one that is open since 20 days: the median is of three."""
    troubles = {
        "a": [Trouble("a", DAY, DAY + HOUR)], "b": [Trouble("b", 2 * DAY, 2 * DAY + 3 * HOUR)], "c": [Trouble("c", 10 * DAY)],
    }  # fmt: skip
    found = keys(record(d("a", 1), d("b", 2), d("c", 10), troubles=troubles))["failed-deployment recovery time"]
    assert (found.value, found.p90, found.n, found.open) == (3 * HOUR, None, 3, 1)


def test_the_fail_rate_counts_deployments_not_incidents() -> None:
    """Three incidents of one deployment are one failure, and one incident of two deployments is two."""
    many = {"a": [Trouble("a", DAY)] * 3}
    assert keys(record(d("a", 1), d("b", 2), troubles=many))["change fail rate"].value == 0.5
    both = {"a": [Trouble("a", DAY)], "b": [Trouble("b", DAY)]}
    assert keys(record(d("a", 1), d("b", 2), troubles=both))["change fail rate"].value == 1


def test_a_young_deployment_does_not_count_for_the_fail_rate() -> None:
    """It has not had the time to fail: counting it makes every busy week look good."""
    found = keys(record(d("a", 1), d("b", 25), troubles={"a": [Trouble("a", DAY)]}))["change fail rate"]
    assert (found.value, found.n, found.of, found.ids) == (1, 1, 1, ("a",))
    assert found.why == "of those older than 7 days"
    young = keys(record(d("b", 25)))["change fail rate"]
    assert (young.value, young.n) == (None, 0)


def test_a_rollback_is_a_failure_of_what_it_takes_back_only() -> None:
    """By its explicit edge, without an incident; the rollback itself did not fail."""
    found = keys(record(d("a", 1), d("b", 2), d("c", 3, "rollback", undoes="b")))
    assert (found["change fail rate"].of, found["change fail rate"].ids) == (1, ("b",))
    assert found["failed-deployment recovery time"].value == DAY


def test_rework_needs_a_kind_and_an_edge() -> None:
    """A hotfix without an incident and a planned fix of one are no rework."""
    found = keys(record(d("a", 1), d("b", 2, "hotfix"), d("c", 3, "hotfix"), d("e", 4), linked=frozenset({"c", "e"})))
    rework = found["deployment rework rate"]
    assert (rework.value, rework.ids) == (0.25, ("c",))


def test_nothing_happened_is_no_rate_of_nought() -> None:
    """Without deployments there is a frequency of nothing, and no other number."""
    found = keys(record())
    assert found["deployment frequency"].value == 0
    assert {one.value for name, one in found.items() if name != "deployment frequency"} == {None}


def test_a_failure_knows_when_it_was_noticed_and_by_what_it_was_over() -> None:
    """Of the fix and the end of all trouble the earlier counts; what only a rollback tells of was never noticed."""
    trouble = Trouble("a", 2 * DAY, 9 * DAY, ("b",))
    history = record(
        d("a", 1), d("b", 4, "hotfix"), d("c", 5), d("e", 6, "rollback", undoes="c"), troubles={"a": [trouble]}
    )
    first, second = failures(history, history.deployments)
    assert (first.change, first.noticed, first.recovered, first.fix) == ("a", 2 * DAY, 4 * DAY, "b")
    assert (first.detection, first.recovery(0), first.mending(0)) == (DAY, 3 * DAY, 2 * DAY)
    assert (second.change, second.noticed, second.fix, second.mending(0)) == ("c", None, "e", None)
    resolved = record(d("a", 1), d("b", 4), troubles={"a": [replace(trouble, resolved=3 * DAY)]})
    assert [(one.recovered, one.fix) for one in failures(resolved, resolved.deployments)] == [(3 * DAY, "")]
