from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from loopline.errors import Invalid
from loopline.nouns.trigger import AtMost, Do, OnAlert, OnMissing, OnMoved, OnTime, Trigger, read, write
from loopline.triggers.sound import USUAL, bounded, sound

GOOD = Trigger("retrain", OnAlert("*"), Do("train", propose="model/m@best"), AtMost(1, timedelta(days=1)))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, name="Retrain it"),
        replace(GOOD, name="ticker"),
        replace(GOOD, on=OnTime("0 25 * * *")),
        replace(GOOD, on=OnTime("0 6 * * *", "Europe/Berlni")),
        replace(GOOD, on=OnTime("0 6 * * *", "../../etc/passwd")),
        replace(GOOD, on=OnMissing("run.*", "0 6 * * *", within=timedelta(0))),
        replace(GOOD, on=OnAlert("*", "urgent")),  # type: ignore[arg-type]
        replace(GOOD, do=Do()),
        replace(GOOD, do=Do(propose="model/m@best")),
        replace(GOOD, do=Do("train", propose="model/m@best", to="3")),
        replace(GOOD, do=Do("train", propose="model/m")),
        replace(GOOD, do=Do("train", propose="secret:model/m@best")),
        replace(GOOD, do=Do("train", queue="GPU!")),
        replace(GOOD, do=Do(incident="x\ny")),
        replace(GOOD, do=Do(incident=" ")),
        replace(GOOD, do=Do(incident="x" * 201)),
        replace(GOOD, at_most=AtMost(0, timedelta(days=1))),
        replace(GOOD, at_most=AtMost(1, timedelta(0))),
    ],
)
def test_what_cannot_be_carried_out_is_refused(wrong: Trigger) -> None:
    """Also where no project's file has been read: a document is pushed by whoever may, as they have written it."""
    with pytest.raises(Invalid):
        sound(wrong)


@pytest.mark.parametrize(
    "good",
    [
        GOOD,
        replace(GOOD, on=OnMoved("data/*@main"), do=Do(propose="model/m@best", to="latest"), at_most=None),
        replace(GOOD, on=OnTime("*/5 * * * *", "Europe/Berlin"), do=Do(incident="Look", severity="high")),
        replace(GOOD, on=OnMissing("run.finished", "0 6 * * *"), do=Do("train", (("a", "1"),), "gpu")),
    ],
)
def test_a_trigger_is_written_and_read(good: Trigger) -> None:
    """What can be carried out is the same after it was JSON."""
    assert sound(read(write(good))) == good


def test_what_was_not_written_here_is_not_read() -> None:
    """Unknown keys and values of another kind are refused, and not taken for something else."""
    row = write(GOOD)
    for wrong in (
        {**row, "more": 1},
        {**row, "name": 7},
        {**row, "on": {**row["on"], "more": 1}},
        {**row, "on": {"alert": 1, "severity": "low"}},
        {**row, "on": {}},
        {**row, "do": {**row["do"], "run": 5}},
        {**row, "do": {**row["do"], "more": 5}},
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            read(wrong)


def test_what_comes_in_storms_is_bounded() -> None:
    """Alerts and moves set off at most what is usual, where a trigger names no bound; what waits for times needs none."""
    storm, timed = replace(GOOD, at_most=None), replace(GOOD, on=OnTime("0 6 * * *"), at_most=None)
    assert (bounded(storm).at_most, bounded(GOOD), bounded(timed)) == (USUAL, GOOD, timed)
