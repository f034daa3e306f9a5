from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.nouns.name import Numbered
from loopline.nouns.policy import OverrideRule, Policy
from loopline.nouns.trigger import Do, OnAlert, Trigger
from loopline.verbs.ticking import tick

from .conftest import ANN, BOB, CHAMPION, PROJECT
from .triggered import alert, arm

if TYPE_CHECKING:
    import pytest

    from loopline.nouns.postmortem import Moment

    from .conftest import World


def told(world: World, incident: str) -> list[Moment]:
    """The lines of an incident."""
    return list(world.do("show", incident).moments)


def kinds(world: World, incident: str) -> list[str]:
    """Kinds of its lines, in order."""
    return [one.kind for one in told(world, incident)]


def wait(world: World, seconds: float = 60) -> None:
    """Let time pass."""
    clock: Any = world.loop.clock
    clock.advance(seconds=seconds)


def test_the_way_of_a_change_is_told_from_proposal_to_rollback(guarded: World) -> None:
    """Proposed, approved, applied, seen by an alert, taken back, quarantined: each once, with who did it, oldest first."""
    first = guarded.propose(1)
    guarded.do("approve", first.id, by=BOB)
    guarded.do("apply", first.id)
    change = guarded.propose(2)
    wait(guarded)
    guarded.do("approve", change.id, comment="looks fine", by=BOB)
    wait(guarded)
    guarded.do("apply", change.id)
    wait(guarded)
    seen = alert(guarded, change=change.id)
    wait(guarded)
    guarded.do("acknowledge", seen.id, by=BOB)
    wait(guarded)
    guarded.do("rollback", CHAMPION, why="in seconds")
    (incident,) = guarded.do("find", "incidents")
    lines = told(guarded, incident.id)
    assert [one.kind for one in lines] == [
        "change.proposed", "change.approved", "change.applied", "alert.opened", "alert.acknowledged", "incident.opened",
        "change.applied", "version.quarantined", "incident.resolved",
    ]  # fmt: skip
    assert [one.actor for one in lines[:5]] == [str(ANN), str(BOB), str(ANN), "", str(BOB)]
    assert (lines[1].said, lines[3].thing, lines[3].key, lines[7].key) == (
        "looks fine",
        "alert",
        seen.id,
        "model/delay@2",
    )
    assert sorted(lines, key=lambda one: one.at) == lines
    assert all(one.seq for one in lines if one.kind.startswith("change."))


def test_what_people_say_and_edit_is_told_with_what_was_before(world: World) -> None:
    """Comments, edits, resolutions and reopenings stand there with their reasons, and a deleted text is gone."""
    world.train(b"one")
    change = world.propose(1)
    made = world.do("incident", "late", caused_by=change.id, confidence=0.5, at=5)
    said = world.do("comment", made.id, "a secret", by=BOB)
    world.do("comment", made.id, delete=said.id, by=BOB)
    world.do("incident", severity="high", edit=made.id, why="worse")
    world.do("blame", made.id, change.id, why="sure")
    world.do("blame", made.id, change.id, remove=True, why="no")
    world.do("resolve", made.id, why="over")
    world.do("reopen", made.id, why="not yet")
    world.do("resolve", made.id, why="now", by=BOB)
    lines = told(world, made.id)
    assert [one.kind for one in lines] == [
        "incident.began", "incident.opened", "comment.made", "incident.edited", "incident.blamed", "incident.absolved",
        "incident.resolved", "incident.reopened", "incident.resolved",
    ]  # fmt: skip
    assert [one.said for one in lines[2:]] == ["(deleted)", "worse", "sure", "no", "over", "not yet", "now"]
    assert "severity from medium to high" in lines[3].words
    assert "(was: human, 50% sure)" in lines[4].words
    assert lines[0].at == 5


def test_a_trigger_that_opened_it_is_told_with_its_cause(world: World) -> None:
    """The alert stands in front of it, also where it knows no change."""
    arm(world, Trigger("page", OnAlert("*"), Do(incident="The model drifts")))
    seen = alert(world)
    wait(world)
    tick(world.loop)
    (incident,) = world.do("find", "incidents")
    lines = told(world, incident.id)
    assert [(one.kind, one.thing) for one in lines] == [("alert.opened", "alert"), ("incident.opened", "trigger")]
    assert (lines[0].key, lines[1].key, lines[1].actor) == (seen.id, "page", "trigger:page")
    assert world.do("show", incident.id).alerts == (seen,)


def test_an_override_is_told_and_its_resolution_by_hand(guarded: World) -> None:
    """The incident of an override begins with who let the change through."""
    guarded.policy(
        Policy("champion", ("model/*@champion",), forbid_pickle=True, override=OverrideRule(by=("team/sre",)))
    )
    guarded.do("grant", "ann", "team/sre")
    version = guarded.train(b"three", pickle=True)
    change = guarded.do("propose", CHAMPION, to=Numbered(version.number), why="because")
    guarded.do("apply", change.id, override="the fair is tomorrow")
    (incident,) = guarded.do("find", "incidents")
    assert "incident.opened" in kinds(guarded, incident.id)
    (event,) = [one for one in guarded.events() if one.kind == "change.applied" and one.subject == change.id]
    assert event.payload
    assert event.payload["incident"] == incident.id


def test_an_old_rollback_is_told_by_what_the_row_has(world: World) -> None:
    """Where the feed does not say that a rollback has resolved it, the row does."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    change = world.propose(2)
    made = world.do("incident", "late", caused_by=change.id)
    with world.loop.ledger.write(world.loop.project, ANN) as tx:
        tx.incidents.resolve(made.id)
        tx.say("test", made.id)
    assert kinds(world, made.id) == ["change.applied", "incident.opened", "incident.resolved"]


def test_of_very_much_the_middle_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """How it began and what was said last stands there, with every end that is known; that something is missing is told."""
    monkeypatch.setattr("loopline.verbs.timeline.MOST", 5)
    made = world.do("incident", "late")
    for number in range(20):
        world.do("comment", made.id, str(number))
        if number == 10:
            assert (world.do("show", made.id).whole, len(told(world, made.id))) == (False, 1 + 4 + 5)
        if number == 7:
            assert (world.do("show", made.id).whole, len(told(world, made.id))) == (True, 1 + 8)
    world.do("resolve", made.id, why="over")
    world.do("reopen", made.id, why="not over")
    assert [one.said for one in told(world, made.id)] == [
        "late", "0", "1", "2", "3", "17", "18", "19", "over", "not over",
    ]  # fmt: skip


def test_what_was_erased_is_told_as_that(world: World) -> None:
    """Nobody reads of an edge that was taken away where only its event was: the line says that it was erased."""
    world.train(b"one")
    change = world.propose(1)
    made = world.do("incident", "late")
    world.do("blame", made.id, change.id, why="seen")
    world.do("incident", "later", edit=made.id, why="worse")
    with world.loop.ledger.write(PROJECT, ANN) as tx:
        for event in tx.feed.list(PROJECT, subject=made.id):
            tx.feed.erase(PROJECT, event.seq)
        tx.say("test", "erased")
    words = [one.words for one in told(world, made.id) if one.kind.startswith("incident.")]
    assert words == ["opened the incident", *["said something otherwise, which was erased"] * 2]
