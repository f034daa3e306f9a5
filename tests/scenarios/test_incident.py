"""A bad version, an alert, an incident: what people say of it, and what delivery measures count from then on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from loopline.nouns.insight import Measure
from loopline.nouns.name import Numbered
from loopline.nouns.trigger import Do, OnAlert, Trigger
from loopline.verbs.ticking import tick
from tests.verbs.conftest import ANN, BOB, CHAMPION, World, world
from tests.verbs.triggered import alert, arm

__all__ = ["world"]
MINUTE = 60_000_000
RECOVERY, FAILED, REWORK = "failed-deployment recovery time", "change fail rate", "deployment rework rate"


def wait(world: World, minutes: float) -> None:
    """Let time pass."""
    clock: Any = world.loop.clock
    clock.advance(seconds=60 * minutes)


def counted(world: World) -> dict[str, Measure]:
    """What insights say of the models, as of now."""
    found = world.do("insights", horizon=timedelta())
    return {one.name: one for lane in found.lanes if lane.name == "model" for one in lane.measures}


def test_measures_follow_what_people_say_of_an_incident(world: World) -> None:
    """A trigger suspects what is in force; what a person corrects, links, resolves and opens again counts."""
    for body in (b"one", b"two", b"three", b"four"):
        world.train(body)
    arm(world, Trigger("page", OnAlert("*"), Do(incident="Delays are wrong", severity="high")))
    world.do("propose", CHAMPION, to=Numbered(1), why="first", tier="production")
    wait(world, 60)
    bad = world.propose(2)
    wait(world, 10)
    innocent = world.propose(3)
    wait(world, 5)
    seen = alert(world, change=innocent.id)
    tick(world.loop)
    (incident,) = world.do("find", "incidents")
    assert [(b.change, b.source) for b in incident.blames] == [(innocent.id, "monitor")]
    assert counted(world)[FAILED].of == 1
    assert counted(world)[RECOVERY].ids == (innocent.id,)

    with world.loop.ledger.write(world.loop.project, ANN) as tx:  # the alert ends by itself: it is not what failed
        tx.alerts.resolve(seen)
        tx.say("alert.resolved", seen.id)
    world.do("blame", incident.id, bad.id, why="the labels were in seconds since then", confidence=0.9, by=BOB)
    world.do("blame", incident.id, innocent.id, remove=True, why="it only shows what was there before", by=BOB)
    assert bad.id in counted(world)[RECOVERY].ids
    wait(world, 15)
    fix = world.do("propose", CHAMPION, to=Numbered(4), why="minutes again", kind="hotfix")
    assert counted(world)[REWORK].of == 0
    world.do("blame", incident.id, fix.id, fixes=True, why="trained on minutes", by=BOB)
    page = world.do("show", incident.id)
    (failure,) = page.failures
    assert (failure.change, failure.fix) == (bad.id, fix.id)
    assert (failure.detection, failure.recovery(page.at)) == (15 * MINUTE, 30 * MINUTE)
    assert counted(world)[REWORK].of == 1

    world.do("blame", incident.id, fix.id, fixes=True, remove=True, why="it did not help", by=BOB)
    wait(world, 10)
    world.do("resolve", incident.id, why="looks good", by=BOB)
    assert world.do("show", incident.id).failures[0].recovery(0) == 40 * MINUTE
    wait(world, 5)
    world.do("reopen", incident.id, why="it does not", by=BOB)
    page = world.do("show", incident.id)
    assert (page.failures[0].recovered, page.failures[0].recovery(page.at)) == (None, 45 * MINUTE)
    wait(world, 15)
    world.do("resolve", incident.id, why="now it does", by=BOB)
    page = world.do("show", incident.id)
    assert page.failures[0].recovery(page.at) == 60 * MINUTE
    assert [one.said for one in page.moments if one.kind in ("incident.resolved", "incident.reopened")] == [
        "looks good", "it does not", "now it does",
    ]  # fmt: skip
    kinds = [one.kind for one in page.moments]
    assert kinds.index("change.applied") < kinds.index("incident.opened") < kinds.index("incident.absolved")


def test_what_is_taken_back_ends_the_incident_of_a_person(world: World) -> None:
    """The rollback resolves what somebody has opened, is its fix, and the one failed deployment stays one."""
    world.train(b"one")
    world.train(b"two")
    world.do("propose", CHAMPION, to=Numbered(1), why="first", tier="production")
    wait(world, 60)
    bad = world.propose(2)
    wait(world, 4)
    made = world.do("incident", "late", caused_by=str(CHAMPION), confidence=0.5, by=BOB)
    assert counted(world)[RECOVERY].open == 1
    wait(world, 6)
    back = world.do("rollback", CHAMPION, why="in seconds")
    (over,) = world.do("find", "incidents")
    assert (over.id, over.resolved_by) == (made.id, str(ANN))
    found = counted(world)
    assert (found[RECOVERY].value, found[RECOVERY].ids, found[RECOVERY].open) == (10 * MINUTE, (bad.id,), 0)
    assert (found[RECOVERY].parts[0].value, found[FAILED].of, found[REWORK].of) == (6 * MINUTE, 1, 1)
    assert back.id in {one.change for one in over.blames}
