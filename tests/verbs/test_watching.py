from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from loopline.nouns.change import Move
from loopline.nouns.name import RefName
from loopline.nouns.service import Monitor
from loopline.verbs.moving import Plan, begin
from loopline.verbs.watching import watch

from .conftest import DATA, PROJECT
from .records import HOUR, PROD, Records, deploy, rows

if TYPE_CHECKING:
    from .conftest import World

FEATURES = Monitor("features", "drift", window=timedelta(hours=1), every=timedelta(hours=1))
ERRORS = Monitor(
    "errors", "service", window=timedelta(hours=1), every=timedelta(hours=1), rows=10, bounds={"errors": 0.1}, rise=1
)


def kinds(world: World) -> list[str]:
    """Give the kinds of events about alerts."""
    return [one.kind for one in world.events() if one.kind.startswith("alert.")]


def test_drift_opens_an_alert_and_ends_it(world: World) -> None:
    """By event time: two bad windows open one alert under the change in force, two good ones end it, each an event."""
    deploy(world, FEATURES)
    records = Records(world)
    start = world.loop.clock.now() // HOUR * HOUR - 100 * HOUR
    assert watch(world.loop) == ()
    for at, shift in enumerate((0.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0)):
        records.add(start + at * HOUR, rows(shift=shift, seed=at))
        watch(world.loop)
        assert watch(world.loop) == ()
        found = world.do("alerts")
        opened = [one for one in found if one.resolved_at is None]
        assert len(opened) == (1 if at in (4, 5) or at == 3 else 0), at
    (alert,) = world.do("alerts")
    with world.loop.ledger.read() as tx:
        assert alert.change == tx.refs.get(PROD).change
    assert alert.event_time == start + 2 * HOUR
    assert alert.summary.startswith("1 of 2 columns moved: temp (D 0.")
    assert kinds(world) == ["alert.opened", "alert.resolved"]
    event = next(one for one in world.events() if one.kind == "alert.opened")
    assert event.event_time == alert.event_time
    assert (event.payload or {})["change"] == alert.change


def test_a_service_is_watched_by_recorded_time(world: World) -> None:
    """Errors of the last hour of the clock open an alert, without any event time; few requests say nothing."""
    deploy(world, ERRORS)
    records = Records(world)
    now = world.loop.clock.now() // HOUR * HOUR
    records.ask(now - 1, requests=9, errors=9)
    assert [one.seen for one in watch(world.loop)] == ["undecided"]
    world.loop.clock.advance(seconds=3_600)  # type: ignore[attr-defined]
    records.ask(now + 1, requests=10, errors=5)
    assert [one.seen for one in watch(world.loop)] == ["bad"]
    assert kinds(world) == ["alert.opened"]


def test_a_service_is_watched_however_many_other_refs_there_are(world: World) -> None:
    """A thousand refs of data and models stand before it by name, and its alert stays; the overview tells of it, too."""
    with world.loop.ledger.telemetry() as tx:
        for number in range(1_000):
            tx.refs.move(Move(RefName(DATA, f"r{number}"), None, 1), change="c")
    deploy(world, ERRORS)
    now = world.loop.clock.now() // HOUR * HOUR
    Records(world).ask(now - 1, requests=10, errors=5)
    assert [one.seen for one in watch(world.loop)] == ["bad"]
    assert watch(world.loop) == ()
    assert kinds(world) == ["alert.opened"]
    found = world.do("overview", limit=2_000)
    assert PROD in [one.ref.name for one in found.refs]
    assert [one.ref for one in found.deployments] == [str(PROD)]


def test_a_clock_that_went_wrong_moves_no_monitor_on(world: World) -> None:
    """A prediction about the year 2100 leaves the monitors where the others are."""
    deploy(world, FEATURES)
    records = Records(world)
    now = world.loop.clock.now() // HOUR * HOUR
    records.add(now + 800_000 * HOUR, rows(600))
    assert watch(world.loop) == ()
    records.add(now, rows(600))
    assert [one.end for one in watch(world.loop)] == [now - HOUR, now]


def test_an_alert_of_what_nobody_watches_is_over(world: World) -> None:
    """A version without the monitor, or a service that is taken down, ends its alerts."""
    deploy(world, ERRORS)
    records = Records(world)
    records.ask(world.loop.clock.now() // HOUR * HOUR - 1, requests=10, errors=5)
    watch(world.loop)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        begin(tx, world.loop, Plan((Move(PROD, 1, None),), "take it down"))
    watch(world.loop)
    assert kinds(world) == ["alert.opened", "alert.resolved"]
    assert world.do("alerts", open=True) == ()


def test_a_silenced_alert_says_so_in_its_events(world: World) -> None:
    """It is opened and recorded all the same."""
    deploy(world, ERRORS)
    world.do("silence", "service/*", why="known")
    records = Records(world)
    records.ask(world.loop.clock.now() // HOUR * HOUR - 1, requests=10, errors=5)
    watch(world.loop)
    assert [(one.payload or {})["silenced"] for one in world.events() if one.kind == "alert.opened"] == [True]
    assert world.do("alerts")[0].silenced


def test_quality_that_falls_behind_training_opens_an_alert(world: World) -> None:
    """Labels show that a model ranks worse than its own run measured: by how much is told, and which window it was."""
    monitor = Monitor(
        "quality", "quality", window=timedelta(hours=1), every=timedelta(hours=1), rows=200, rise=1,
        bounds={"roc_auc_drop": 0.05},
    )  # fmt: skip
    deploy(world, monitor, measured={"roc_auc": 0.9})
    records = Records(world)
    start = world.loop.clock.now() // HOUR * HOUR - 100 * HOUR
    rng = np.random.default_rng(0)
    seen = []
    for at, noise in enumerate((0.2, 2.0)):
        truth = rng.integers(0, 2, 400)
        score = 1 / (1 + np.exp(-(truth * 2.0 - 1 + rng.normal(0, noise, 400))))
        records.add(start + at * HOUR, {"in.temp": np.zeros(400), "out.predict_proba[1]": score})
        name = records.last
        world.do("label", PROD, rows=tuple({"id": f"{name}:{n}", "label": int(one)} for n, one in enumerate(truth)))
        seen += [one.seen for one in watch(world.loop)]
    records.add(start + 2 * HOUR, rows(1))
    seen += [one.seen for one in watch(world.loop)]
    assert seen == ["undecided", "good", "bad"]
    (alert,) = world.do("alerts")
    assert alert.summary.startswith("roc_auc 0.")
    assert alert.summary.endswith("of champion, at least 0.850")


def test_labels_that_come_after_a_look_are_looked_at(world: World) -> None:
    """A look that could decide nothing is taken again once labels have come, though no event is newer; one that could is not."""
    monitor = Monitor(
        "quality",
        "quality",
        window=timedelta(hours=1),
        every=timedelta(hours=1),
        rows=200,
        bounds={"roc_auc_drop": 0.05},
    )
    deploy(world, monitor, measured={"roc_auc": 0.9})
    records = Records(world)
    start = world.loop.clock.now() // HOUR * HOUR - 100 * HOUR
    names = []
    for at in range(2):
        records.add(start + at * HOUR, {"in.temp": np.zeros(400), "out.predict_proba[1]": np.tile([0.2, 0.8], 200)})
        names.append(records.last)
    records.add(start + 2 * HOUR, rows(1))
    assert [one.seen for one in watch(world.loop)] == ["undecided", "undecided"]
    for name in names:
        told = tuple({"id": f"{name}:{n}", "label": n // 2 % 2} for n in range(400))
        world.do("label", PROD, rows=told)
    assert [one.seen for one in watch(world.loop)] == ["bad", "bad"]
    assert kinds(world) == ["alert.opened"]
    assert watch(world.loop) == ()


def test_a_new_monitor_looks_back_as_far_as_it_takes_to_know(world: World) -> None:
    """What was bad in the two windows before somebody watched is an alert at the first look, with when it began."""
    deploy(world, FEATURES)
    records = Records(world)
    start = world.loop.clock.now() // HOUR * HOUR - 100 * HOUR
    for at in range(3):
        records.add(start + at * HOUR, rows(shift=2.0, seed=at))
    assert [one.end for one in watch(world.loop)] == [start + HOUR, start + 2 * HOUR]
    (alert,) = world.do("alerts")
    assert alert.event_time == start + HOUR
