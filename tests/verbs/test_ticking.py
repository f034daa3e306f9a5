"""Causes and their effects: once each, whatever the clock and the processes do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import LooplineError
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.trigger import AtMost, Do, OnAlert, OnMissing, OnMoved, OnTime, Trigger
from loopline.testing.clock import FakeClock, SequentialIds
from loopline.testing.loop import loop as new_loop
from loopline.verbs import ticking
from loopline.verbs.firing import fire
from loopline.verbs.moving import Plan, begin
from loopline.verbs.ticking import tick
from loopline.wiring import open_database

from .conftest import CHAMPION, PROJECT
from .triggered import alert, arm, fired, kinds, work

if TYPE_CHECKING:
    from loopline.nouns.lineage import Reason

    from .conftest import World
    from .projects import Project

DAY = timedelta(days=1)
BEST = RefName(AssetName(PROJECT, "model", "total"), "best")
INCIDENT = Do(incident="Look at it")
NOTED = Trigger("noted", OnAlert("service/*"), INCIDENT, AtMost(1000, DAY))
NIGHTLY = Trigger("nightly", OnTime("0 3 * * *", "Europe/Berlin"), INCIDENT)
FRESH = Trigger("fresh", OnMissing("data/flights@main", "0 6 * * *"), INCIDENT)
RETRAIN = Trigger(
    "retrain", OnAlert("service/delay@prod/*", "medium"), Do("train", (("plus", "5"),), propose="model/total@best")
)


def clock(world: World) -> FakeClock:
    """Give the clock of a test."""
    found = world.loop.clock
    assert isinstance(found, FakeClock)
    return found


def set_to(world: World, text: str) -> None:
    """Make it a time of UTC."""
    clock(world).set(round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000)


def test_an_alert_leads_to_a_run_and_the_run_to_a_proposal(project: Project) -> None:
    """In one trigger: the pipeline runs as the champion was trained, and what it made is proposed, with the alert as reason."""
    project.trained()
    project.do("propose", BEST, to=Numbered(1), why="first")
    project.write(tiny="raise SystemExit('somebody tries something')")
    arm(project, RETRAIN)
    seen = alert(project, change="c0ffee")
    (one,) = tick(project.loop)
    assert (one.trigger, one.state, one.cause) == ("retrain", "running", f"alert:{seen.id}")
    assert tick(project.loop) == ()
    assert work(project) == 1
    (after,) = tick(project.loop)
    assert (after.state, after.id, after.error) == ("done", one.id, "")
    assert tick(project.loop) == ()
    with project.loop.ledger.read() as tx:
        change, run = tx.changes.get(after.change), tx.runs.get(after.run)
        task = tx.tasks.get(one.task)
    assert (change.author, change.run, change.moves[0].new) == ("trigger:retrain", run.id, 2)
    assert change.reason.startswith("retrain: alert ")
    assert "temp moved (D 0.31)" in change.reason
    assert (run.params["plus"], run.actor, run.tags["task"]) == ("5", "trigger:retrain", task.id)
    assert task.verified
    assert kinds(project) == ["trigger.fired"]
    told = project.events()[-1]
    assert (told.kind, told.actor) == ("change.applied", "trigger:retrain")
    assert {"trigger": "retrain", "firing": one.id, "cause": one.cause}.items() <= (told.payload or {}).items()
    for asked in (BEST, run.id):
        reason = str(project.do("why", str(asked)))
        assert "trigger" in reason
        assert seen.id in reason
    reason = project.do("why", change.id)
    (because,) = [each for each in reason.because if each.kind == "trigger"]
    assert (because.key, because.because[0].kind, because.because[0].key) == ("retrain", "alert", seen.id)


def test_a_chain_of_triggers_leads_back_to_who_began_it(world: World) -> None:
    """What the last of three has opened is told back over both changes to the first, and to the person who had it fire."""
    for body in (b"one", b"two"):
        world.train(body)
    one, two = (replace(CHAMPION, ref=name) for name in ("one", "two"))
    arm(
        world,
        Trigger("first", OnTime("0 0 1 1 *", "UTC"), Do(propose=str(one), to="latest")),
        Trigger("second", OnMoved(str(one)), Do(propose=str(two), to="1")),
        Trigger("third", OnMoved(str(two)), Do(incident="Look")),
    )
    world.do("fire", "first", why="to try it")
    for _ in range(4):
        tick(world.loop)
    (incident,) = world.do("find", "incidents")
    told = way(world.do("why", incident.id))
    assert [kind for kind, _ in told] == ["incident", "trigger", "change", "trigger", "change", "trigger"]
    assert [key for kind, key in told if kind == "trigger"] == ["third", "second", "first"]
    last = world.do("why", incident.id)
    while last.because:
        (last,) = last.because
    assert (last.facts["asked by"], last.title) == ("person:ann", "person:ann asked for it: to try it")


def test_an_alert_under_a_change_of_a_trigger_leads_back_to_its_cause(world: World) -> None:
    """Where the change in force was itself a trigger's, `why` goes on from the alert to what that one had met."""
    world.train(b"one")
    arm(
        world,
        Trigger("first", OnTime("0 0 1 1 *", "UTC"), Do(propose=str(CHAMPION), to="1")),
        NOTED,
    )
    world.do("fire", "first")
    tick(world.loop)
    with world.loop.ledger.read() as tx:
        moved = tx.refs.get(CHAMPION).change or ""
    alert(world, change=moved)
    tick(world.loop)
    (incident,) = world.do("find", "incidents")
    assert [kind for kind, _ in way(world.do("why", incident.id))] == [
        "incident",
        "trigger",
        "alert",
        "change",
        "trigger",
    ]


def way(reason: Reason) -> list[tuple[str, str]]:
    """Give kinds and keys on the way down to the first cause."""
    return [(reason.kind, reason.key), *(pair for one in reason.because[:1] for pair in way(one))]


def test_what_was_killed_in_between_is_done_once(world: World) -> None:
    """Cause, effect and how far one has looked are one transaction: after a fault nothing is there, and then all of it, once."""
    arm(world, NOTED)
    alert(world)
    with world.loop.ledger.read() as tx:
        before = tx.firings.marks(PROJECT)["noted"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticking, "fire", dying(fire))
        with pytest.raises(KeyboardInterrupt):
            tick(world.loop)
    assert fired(world) == []
    assert world.do("find", "incidents") == ()
    with world.loop.ledger.read() as tx:
        assert tx.firings.marks(PROJECT)["noted"] == before
    assert len(tick(world.loop)) == 1
    with world.loop.ledger.telemetry() as tables:  # a mark from before, as of a server that was paused
        tables.firings.mark(PROJECT, before)
    assert tick(world.loop) == ()
    assert len(world.do("find", "incidents")) == len(fired(world)) == 1


def dying(do: Any) -> Any:
    """Do it, and die before anything is kept."""

    def dies(*words: Any) -> None:
        do(*words)
        raise KeyboardInterrupt

    return dies


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Loop, Loop]]:
    """Give two servers on one database, each with connections of its own."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    url = url if request.param == "sqlite" else request.getfixturevalue("postgres_ledger")
    databases = [open_database(url) for _ in range(2)]
    if request.param == "sqlite":
        from loopline.ledger.schema import create

        create(databases[0])
    clocks = [FakeClock(step=1) for _ in databases]
    loops = [new_loop(PROJECT, database=one, clock=each) for one, each in zip(databases, clocks, strict=True)]
    yield loops[0], replace(loops[1], ids=SequentialIds(1_900_000_000_000_000))
    for one in databases:
        one.close()


def test_two_servers_fire_once(two: tuple[Loop, Loop]) -> None:
    """Both look at the same moment at the same twenty alerts, with the same marks: each is followed once."""
    from .conftest import World

    world = World(two[0])
    arm(world, NOTED)
    for number in range(20):
        alert(world, f"m{number}")
    found, start = list[Any](), threading.Barrier(2)

    def looks(loop: Loop) -> None:
        start.wait()
        for _ in range(20):
            try:
                found.extend(tick(loop))
            except LooplineError:
                continue  # the other one writes
            break

    threads = [threading.Thread(target=looks, args=(one,)) for one in two]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found.extend(tick(two[1]))
    assert len(found) == len({one.cause for one in found}) == 20
    assert len(world.do("find", "incidents")) == 20


def test_a_schedule_fires_at_its_time(world: World) -> None:
    """Once at each time, in its own zone, on the day on which clocks move as well, and not at first sight."""
    set_to(world, "2026-03-28 12:00")
    arm(world, NIGHTLY)
    for at, number in (
        ("2026-03-29 00:59:59", 0), ("2026-03-29 01:00:00", 1), ("2026-03-29 01:00:02", 0), ("2026-03-29 23:59:00", 0),
        ("2026-03-30 01:00:01", 1),
    ):  # fmt: skip
        set_to(world, at)
        assert len(tick(world.loop)) == number, at
    assert [one.why for one in fired(world)] == [
        "2026-03-29 03:00 Europe/Berlin of schedule 0 3 * * *",
        "2026-03-30 03:00 Europe/Berlin of schedule 0 3 * * *",
    ]


def test_who_comes_late_fires_once(world: World) -> None:
    """After a week without a ticker the last time that was missed fires, and the others do not."""
    set_to(world, "2026-01-01")
    arm(world, NIGHTLY, FRESH)
    set_to(world, "2026-01-08 12:00")
    found = tick(world.loop)
    assert [one.trigger for one in found] == ["fresh", "nightly"]
    assert "2026-01-08" in found[1].why
    assert tick(world.loop) == ()


def test_a_clock_that_jumps_fires_nothing_twice_and_stops_nothing(world: World) -> None:
    """Put forward by a year and back again, every time fires once, and the next day's as if nothing had been."""
    set_to(world, "2026-01-01")
    arm(world, replace(NIGHTLY, at_most=AtMost(3, DAY)))
    set_to(world, "2027-01-01")
    assert len(tick(world.loop)) == 1
    set_to(world, "2026-01-01 12:00")
    assert tick(world.loop) == ()
    for at, number in (
        ("2026-01-02 02:00:01", 1),
        ("2026-01-02 01:00", 0),
        ("2026-01-02 02:00:01", 0),
        ("2026-01-03 03:00", 1),
    ):
        set_to(world, at)
        assert len(tick(world.loop)) == number, at


def test_what_was_expected_and_came_fires_nothing(world: World) -> None:
    """Looked at by its time: a move within the period is enough, one after it is not, and each day is a day of its own."""
    set_to(world, "2026-01-01 07:00")
    arm(world, FRESH)
    set_to(world, "2026-01-02 05:00")
    world.data(b_csv=b"2\n")
    set_to(world, "2026-01-02 06:00:01")
    assert tick(world.loop) == ()
    set_to(world, "2026-01-02 06:30")
    world.data(branch="july", c_csv=b"3\n")
    set_to(world, "2026-01-03 06:00:01")
    (one,) = tick(world.loop)
    assert one.why == "data/flights@main has not come by 2026-01-03 06:00 UTC"
    assert one.incident
    world.data(d_csv=b"4\n")
    set_to(world, "2026-01-04 05:59")
    assert tick(world.loop) == ()
    set_to(world, "2026-01-04 06:00")
    assert tick(world.loop) == ()


def test_what_came_is_found_behind_any_number_of_moves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much else has moved in that time, what was expected has come."""
    monkeypatch.setattr(ticking, "PAGE", 1)
    set_to(world, "2026-01-01 07:00")
    arm(world, FRESH)
    set_to(world, "2026-01-02 05:00")
    world.data(branch="july", b_csv=b"2\n")
    world.data(branch="june", b_csv=b"3\n")
    world.data(b_csv=b"4\n")
    set_to(world, "2026-01-02 06:00:01")
    assert tick(world.loop) == ()


def test_a_change_of_many_moves_is_looked_at_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it has more of them than are looked at in one tick: what is waited for may be the last."""
    monkeypatch.setattr(ticking, "PAGE", 2)
    world.train()
    arm(world, Trigger("last", OnMoved("model/delay@d"), INCIDENT))
    refs = [replace(CHAMPION, ref=ref) for ref in "abcd"]
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        change = begin(tx, world.loop, Plan(tuple(Move(ref, None, 1) for ref in refs), "four at once"))
    fired_now = [one for _ in range(3) for one in tick(world.loop)]
    assert [one.cause for one in fired_now] == [f"change:{change.id}"]


def test_an_event_can_be_expected(world: World) -> None:
    """A kind of event, as a glob, in the period before the time."""
    set_to(world, "2026-01-01")
    arm(world, Trigger("ran", OnMissing("run.finished", "0 6 * * *", within=timedelta(hours=2)), INCIDENT))
    set_to(world, "2026-01-01 05:00")
    world.train()
    for at, number in (("2026-01-01 06:00", 0), ("2026-01-02 06:00", 1)):
        set_to(world, at)
        assert len(tick(world.loop)) == number


def test_a_storm_is_bounded(world: World) -> None:
    """At most so many in a time; of what was held the first is an event and the rest a number, until it fires again."""
    arm(world, replace(NOTED, at_most=AtMost(2, DAY)))
    for number in range(30):
        alert(world, f"m{number}")
    assert len(tick(world.loop)) == 2
    assert kinds(world) == ["trigger.fired", "trigger.fired", "trigger.held"]
    (armed,) = world.do("triggers")
    assert (armed.held, armed.held_why) == (28, "it fires at most 2/1d")
    clock(world).advance(seconds=86_401)
    assert tick(world.loop) == ()
    alert(world, "late")
    assert len(tick(world.loop)) == 1
    assert world.do("triggers")[0].held == 0


def test_a_storm_is_bounded_where_nobody_has_said_how(world: World) -> None:
    """A document that names no bound, written by whoever may, has the one that a project's file has."""
    arm(world, replace(NOTED, at_most=None))
    for number in range(12):
        alert(world, f"m{number}")
    assert len(tick(world.loop)) == 10
    assert world.do("triggers")[0].at_most == "10/1h"


def test_a_trigger_does_not_follow_its_own_effect(world: World) -> None:
    """What it has moved itself, or has made another trigger move, is held, and says by which way it came back."""
    world.train(b"one")
    world.train(b"two")
    arm(
        world,
        Trigger("ahead", OnMoved("model/delay@one"), Do(propose="model/delay@two", to="one")),
        Trigger("back", OnMoved("model/delay@two"), Do(propose="model/delay@one", to="latest")),
    )
    world.do("propose", replace(CHAMPION, ref="one"), to=Numbered(1), why="begin")
    for _ in range(8):
        tick(world.loop)
    assert [(one.trigger, one.chain) for one in fired(world)] == [("ahead", ("ahead",)), ("back", ("ahead", "back"))]
    held = [one for one in world.events() if one.kind == "trigger.held"]
    assert [(one.subject, (one.payload or {})["why"]) for one in held] == [
        ("ahead", "it would follow its own effect: ahead → back → ahead")
    ]


def test_a_silence_keeps_triggers_quiet_too(world: World) -> None:
    """A silenced alert is followed by nobody, nor is one that is not severe enough."""
    arm(world, replace(NOTED, on=OnAlert("service/*", "medium")))
    world.do("silence", "service/*/known", why="known")
    alert(world, "known")
    alert(world, "small", severity="low")
    assert tick(world.loop) == ()
    alert(world, "other")
    assert len(tick(world.loop)) == 1


def test_a_trigger_that_is_new_looks_from_now_on(world: World) -> None:
    """What was before it, before it waited for something else, or while it was not declared, is not its own."""
    alert(world, "before")
    arm(world, NOTED)
    alert(world, "between")
    arm(world, replace(NOTED, on=OnAlert("service/delay@prod/*")))
    alert(world, "seen")
    assert len(tick(world.loop)) == 1
    arm(world)
    alert(world, "away")
    tick(world.loop)
    arm(world, NOTED)
    assert tick(world.loop) == ()
    alert(world, "here")
    assert len(tick(world.loop)) == 1


def test_a_file_counts_until_a_document_is_in_force(world: World) -> None:
    """Without a policy the file's triggers look; with one, its own alone, even if it has none."""
    world.loop = replace(world.loop, triggers=(NOTED,))
    tick(world.loop)
    alert(world, "one")
    assert len(tick(world.loop)) == 1
    arm(world, NIGHTLY)
    alert(world, "two")
    assert tick(world.loop) == ()
    assert [one.name for one in world.do("triggers")] == ["nightly"]


def test_one_that_cannot_look_keeps_no_other_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is raised when all had their turn."""
    arm(world, Trigger("broken", OnAlert("*"), INCIDENT), NOTED)
    alert(world)
    look = ticking._look

    def breaks(loop: Loop, trigger: Trigger, mark: Any) -> Any:
        if trigger.name == "broken":
            raise LooplineError("no", kind="test")
        return look(loop, trigger, mark)

    monkeypatch.setattr(ticking, "_look", breaks)
    with pytest.raises(LooplineError):
        tick(world.loop)
    assert [one.trigger for one in fired(world)] == ["noted"]


def test_a_rehearsal_tells_what_would_be_fired_and_keeps_nothing(world: World) -> None:
    """With a ledger that forgets, the tick tells the firing, and the next one fires."""
    arm(world, NOTED)
    alert(world)
    loop = replace(world.loop, ledger=Ledger(world.loop.ledger.database, clock=world.loop.clock, dry=True))
    assert [one.trigger for one in tick(loop)] == ["noted"]
    assert fired(world) == []
    assert len(tick(world.loop)) == 1


def test_data_that_move_set_something_off(world: World) -> None:
    """A branch that moves by `add`, whose event is not that of a change, is a move like any other."""
    arm(world, Trigger("moved", OnMoved("data/*@main"), INCIDENT))
    world.data(b_csv=b"2\n")
    world.data(branch="july", c_csv=b"2\n")
    (one,) = tick(world.loop)
    assert one.why.startswith("data/flights@main moved 1 → 2 by change ")
    assert one.why.endswith(" of person:ann")
