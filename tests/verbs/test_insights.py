from __future__ import annotations

import gc
from datetime import timedelta
from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.nouns.insight import Insights, Measure
from loopline.nouns.name import RefName
from loopline.verbs.plain import plain, restore

from .conftest import ANN, BOB, CHAMPION, SRE, World
from .test_measuring import CODE, DAY_US, LIVE, Past


def lane(found: Insights, name: str) -> dict[str, Measure]:
    """The five of a lane by name."""
    return {one.name: one for one in next(one for one in found.lanes if one.name == name).measures}


def test_a_history_has_its_keys_by_ref_and_together(world: World) -> None:
    """Two refs of code: each has its own five, the lane has both, and every number its list."""
    past = Past(world)
    other = RefName(CODE, "edge")
    past.commit()
    past.move(LIVE, 1, tier="production")
    past.move(other, 1, tier="production")
    past.day(10)
    past.commit(1)
    past.day(12)
    change = past.move(LIVE, 2)
    past.day(14)
    later = past.move(other, 2)
    past.day(20)
    found = world.do("insights", days=30)
    together = lane(found, "code")
    assert together["deployment frequency"].n == 4
    assert together["change lead time"].n == 2
    assert together["change lead time"].ids == ("code/app@2",)
    code = found.lanes[0]
    assert [one.ref for one in code.refs] == ["code/app@live", "code/app@edge"]
    alone = {one.name: one for one in code.refs[0].measures}
    assert alone["change lead time"].value == pytest.approx(2 * DAY_US, rel=0.01)
    assert alone["deployment frequency"].ids[0] == change.id
    assert later.id not in alone["deployment frequency"].ids
    assert together["change fail rate"].n == 3


def test_the_way_of_a_change_is_told(guarded: World) -> None:
    """Proposed, answered a day later, applied two hours after that: the review is the bottleneck."""
    past = Past(guarded)
    change = guarded.propose(1)
    past.day(1)
    guarded.do("approve", change.id, by=BOB)
    past.day(1 + 2 / 24)
    guarded.do("apply", change.id)
    past.day(2)
    found = guarded.do("insights", days=1)
    stream = found.streams[0]
    assert stream.lane == "all"
    assert stream.bottleneck == "reviewing"
    assert "half of it: 46% less" in stream.said
    review = next(one for one in stream.stages if one.name == "reviewing")
    assert review.median == pytest.approx(DAY_US, rel=0.01)
    assert stream.lead.ids == (change.id,)


def test_a_change_that_rolls_is_told_from_its_start(guarded: World) -> None:
    """The decision that started it, or its event, says when; what it moves at once does not roll."""
    past = Past(guarded)
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    with guarded.loop.ledger.write(guarded.loop.project, guarded.loop.actor) as tx:
        tx.say("rollout.started", change.id)
    past.day(3)
    guarded.do("apply", change.id)
    past.day(4)
    rolling = next(one for one in guarded.do("insights", days=2).streams[0].stages if one.name == "rolling")
    assert rolling.median == pytest.approx(3 * DAY_US, rel=0.01)


def test_an_empty_project_has_numbers_of_nothing(world: World) -> None:
    """Nothing is invented: rates over nothing have no value, what cannot be known says why."""
    found = world.do("insights", days=0)
    assert [one.name for one in found.lanes] == ["code", "data", "model"]
    assert lane(found, "model")["change fail rate"].value is None
    staleness = next(one for one in found.learning if one.name == "model staleness")
    assert (staleness.known, staleness.why) == (False, "no model is in production")


@pytest.mark.parametrize(
    "asked",
    [
        {"timezone": "Mars/Olympus"}, {"timezone": "../etc/passwd"}, {"timezone": ""}, {"days": -1}, {"days": 10**9},
        {"limit": 0}, {"since": 5, "until": 5}, {"since": 9, "until": 5}, {"until": 10**18}, {"since": -(10**18)},
        {"limit": 10**6}, {"since": -62_135_596_800_000_000, "timezone": "America/New_York"}, {"until": -9 * 10**16},
        {"until": -58 * 10**15, "days": 36_500}, {"since": -(10**17) + 1},
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_is_refused(world: World, asked: dict[str, Any]) -> None:
    """Zones, days and ends are looked at before anything is read."""
    with pytest.raises(Invalid):
        world.do("insights", **asked)


def test_answers_are_nouns_all_the_way(world: World) -> None:
    """What goes over the wire comes back as it was, and another project is not in it."""
    past = Past(world)
    world.train(b"one")
    past.move(CHAMPION, 1, tier="production")
    found = world.do("insights", days=1, horizon=timedelta(0))
    assert restore(Insights, plain(found, project="flights"), project="flights") == found
    assert lane(found, "model")["deployment frequency"].n == 1
    assert lane(world.abroad().do("insights", days=1), "model")["deployment frequency"].n == 0


def test_no_name_of_anybody_is_in_it(guarded: World) -> None:
    """Whoever trained, proposed, approved, opened, answered and asked: the answer has their work, and none of their names."""
    change = guarded.propose(1, by=BOB)
    guarded.do("comment", change.id, "why?", by=SRE)
    guarded.do("approve", change.id, by=ANN)
    guarded.do("apply", change.id, by=BOB)
    guarded.do("rollback", CHAMPION, why="slow", by=SRE)
    guarded.do("assess", "privacy", "manual", by=BOB)
    guarded.do("grant", str(BOB), "role/contributor")
    guarded.do("respond", "delivery", 3, by=BOB)
    text = str(plain(guarded.do("insights", days=1), project="flights"))
    assert change.id in text
    assert [name for name in ("ann", "bob", "sre") if f"'{name}'" in text or f":{name}" in text] == []


def test_the_collector_rests_only_while_one_measures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as it was before, also where measuring fails; who has put it out finds it out."""
    seen = []

    def measures(*_: Any) -> tuple[Measure, ...]:
        seen.append(gc.isenabled())
        return ()

    monkeypatch.setattr("loopline.verbs.insights.measures", measures)
    world.do("insights")
    assert (seen, gc.isenabled()) == ([False], True)
    with pytest.raises(Invalid):
        world.do("insights", timezone="nowhere")
    assert gc.isenabled()
    gc.disable()
    try:
        world.do("insights")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_young_project_is_not_measured_on_days_before_it_was_there(guarded: World) -> None:
    """Of ninety days that are asked for those count from the one on which it was made; who names a day gets that one."""
    past = Past(guarded)
    past.day(2)
    found = guarded.do("insights", days=90)
    assert 2 <= (found.until - found.since) / 86_400e6 <= 3
    assert guarded.do("insights", since=found.since - 86_400_000_000).since == found.since - 86_400_000_000


def test_what_is_still_to_come_is_not_measured(world: World) -> None:
    """Of a quarter that runs the days count that have passed; one that has not begun is refused."""
    past = Past(world)
    world.train(b"one")
    past.move(CHAMPION, 1, tier="production")
    past.day(2)
    begin = past.start
    running = world.do("insights", since=begin, until=past.at(90))
    frequency = lane(running, "model")["deployment frequency"]
    assert (running.until, frequency.why, len(frequency.trend)) == (past.at(2) + 1, "on 1 of 2 days", 3)
    assert running == world.do("insights", since=begin)
    assert world.do("insights", until=past.at(90)) == world.do("insights")
    for until in (past.at(90), None):
        with pytest.raises(Invalid) as caught:
            world.do("insights", since=past.at(3), until=until)
        assert caught.value.kind == "in-the-future"
