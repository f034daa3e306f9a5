from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from loopline.errors import NotFound
from loopline.insights.calendar import Window
from loopline.ledger.delivery import Delivery
from loopline.nouns.caller import Caller
from loopline.nouns.incident import Blame
from loopline.nouns.name import AssetName, Numbered
from loopline.nouns.token import Scope
from loopline.verbs.measuring import History
from loopline.verbs.plain import plain
from loopline.verbs.recorded import signals_of
from loopline.verbs.recounting import recounted
from tests.signals.recorded import entry, write

from .conftest import ANN, BOB, CHAMPION, PROJECT
from .rolled import rolling
from .test_deploy import PROD
from .triggered import alert

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World

MINUTE = 60_000_000


@pytest.fixture
def bad(world: World) -> Change:
    """Give a change in production that was applied an hour after the one before it."""
    world.train(b"one")
    world.train(b"two")
    world.do("propose", CHAMPION, to=Numbered(1), why="first", tier="production")
    wait(world, 60)
    change: Change = world.propose(2)
    return change


def wait(world: World, minutes: float) -> None:
    """Let time pass."""
    clock: Any = world.loop.clock
    clock.advance(seconds=60 * minutes)


def measured(world: World) -> dict[str, Any]:
    """What insights say of the models."""
    from datetime import timedelta

    found = world.do("insights", horizon=timedelta())
    return {one.name: one for lane in found.lanes if lane.name == "model" for one in lane.measures}


def test_its_times_are_those_that_insights_measure(world: World, bad: Change) -> None:
    """Time to detect, time to recover and from when it was noticed are the same numbers, also while it lasts."""
    wait(world, 4)
    made = world.do("incident", "late", caused_by=bad.id)
    wait(world, 7)
    page = world.do("show", made.id)
    (one,) = page.failures
    assert (one.detection, one.recovery(page.at), one.mending(page.at)) == (4 * MINUTE, 11 * MINUTE, 7 * MINUTE)
    assert one.recovered is None
    wait(world, 5)
    back = world.do("rollback", CHAMPION, why="in seconds")
    page = world.do("show", made.id)
    (one,) = page.failures
    key = measured(world)["failed-deployment recovery time"]
    assert (
        (one.recovery(page.at), one.mending(page.at)) == (key.value, key.parts[0].value) == (16 * MINUTE, 12 * MINUTE)
    )
    assert (one.fix, key.ids) == (back.id, (bad.id,))
    assert page.sentence.count("16 min") == 1
    assert page.quarantined == ("model/delay@2",)
    assert [(e.blame.relation, e.blame.change) for e in page.linked] == [("caused_by", bad.id), ("fixes", back.id)]


def test_what_production_does_not_live_on_counts_as_no_failure(world: World) -> None:
    """The page says so, and neither do insights count it; an override alone makes no failure either."""
    world.train(b"one")
    change = world.propose(1)
    made = world.do("incident", "late", caused_by=change.id)
    assert world.do("show", made.id).failures == ()


def test_an_override_alone_makes_no_failure(world: World, bad: Change) -> None:
    """That a change was let through is no trouble with it, until somebody says so."""
    made = world.do("incident", "let through")
    with world.loop.ledger.write(PROJECT, ANN) as tx:
        tx.incidents.blame(made.id, Blame("caused_by", bad.id, "override"))
        tx.say("test", made.id)
    assert world.do("show", made.id).failures == ()
    world.do("blame", made.id, bad.id, why="it is wrong as well")
    assert [one.change for one in world.do("show", made.id).failures] == [bad.id]


def test_failures_are_read_without_what_they_brought(world: World, bad: Change) -> None:
    """Whoever asks for one incident does not wait for the lead times of a whole history."""
    world.do("incident", "late", caused_by=bad.id)
    with world.loop.ledger.read() as tx:
        history = History(Delivery(tx.rows, PROJECT), Window(tx.now, tx.now + 1, tx.now))
        (one,) = history.failures({bad.id})
        assert history.failures({"x"}) == ()
    assert (one.change, one.lane, one.ref, one.recovered) == (bad.id, "model", str(CHAMPION), None)


def test_answers_with_what_is_blamed_are_counted_while_it_lasted(world: World) -> None:
    """Those of the blamed version from when it came until it was over: no other version, no shadow, nothing before or behind."""
    change = rolling(world)
    clock: Any = world.loop.clock
    start = clock.now()
    clock.advance(seconds=100)
    world.do("abort", change.id, why="late", quarantine=True)
    (incident,) = world.do("find", "incidents")
    end = world.loop.clock.now()
    folder = signals_of(world.loop, PROD)
    here = {"number": 2, "recorded_at": end - 1}
    some: list[dict[str, Any]] = [
        here, here | {"status": 500}, here | {"number": 1, "version": "model/delay@1"}, here | {"shadow": True},
        here | {"recorded_at": start - 1}, here | {"recorded_at": end + 100_000_000}, {"version": "model/delay@9"} | here,
    ]  # fmt: skip
    write(folder, [structs.replace(entry(n), **facts) for n, facts in enumerate(some)])
    world.do("resolve", incident.id, why="went back")
    found = world.do("show", incident.id).affected
    assert [(one.service, one.number, one.requests, one.predictions, one.errors) for one in found] == [
        (str(PROD), 2, 3, 2, 1)
    ]
    assert (found[0].first, found[0].last) == (end - 1, end - 1)


def test_who_may_not_see_a_service_is_not_told_of_its_traffic(world: World, bad: Change) -> None:
    """A token for some assets gets the page of an incident about them, without numbers of others."""
    made = world.do("incident", "late", caused_by=bad.id)
    caller = Caller(BOB, {PROJECT: "viewer"}, (Scope(("read",), PROJECT, "model/*"),))
    page = recounted(replace(world.loop, actor=BOB, caller=caller), made.id, asked="show")
    assert (page.affected, page.incident.id) == ((), made.id)


def test_who_may_not_see_a_service_is_not_told_of_its_alerts_and_versions(world: World, bad: Change) -> None:
    """What an alert under a change, or its rollback, names beside it is no name for a token that is kept to other assets."""
    alert(world, change=bad.id)
    made = world.do("incident", "late", caused_by=bad.id)
    back = world.do("rollback", CHAMPION, why="in seconds")
    other = AssetName(PROJECT, "model", "night")
    world.do("put", other, digest=world.loop.blobs.put(b"x"))
    with world.loop.ledger.write(PROJECT, ANN) as tx:
        tx.versions.quarantine(other, 1, reason="with it", change=back.id)
        tx.say("test", made.id)
    pages = [
        recounted(replace(world.loop, actor=BOB, caller=caller), made.id, asked="show")
        for caller in (None, Caller(BOB, {PROJECT: "viewer"}, (Scope(("read",), PROJECT, "model/delay"),)))
    ]
    told = [str(plain(page, project=PROJECT)) for page in pages]
    assert [[name in text for name in ("service/delay", "model/night")] for text in told] == [
        [True, True],
        [False, False],
    ]
    assert [page.quarantined for page in pages] == [("model/delay@2", "model/night@1"), ("model/delay@2",)]


def test_no_incident_no_page(world: World) -> None:
    """Its id leads nowhere."""
    with pytest.raises(NotFound):
        recounted(world.loop, "0" * 32, asked="show")
