from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.actor import Actor
from loopline.nouns.name import AssetName

from .conftest import ANN, BOB, CHAMPION, MODEL, OTHER, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World

HOUR = 3_600_000_000


@pytest.fixture
def applied(world: World) -> Change:
    """Give the change by which the champion came."""
    world.train(b"one")
    change: Change = world.propose(1)
    return change


def test_a_person_opens_one(world: World, applied: Change) -> None:
    """It keeps who, what, how bad, about what, since when in the world, and which change is blamed with what confidence."""
    since = world.loop.clock.now() - HOUR
    made = world.do(
        "incident", " Delays in seconds ", severity="high", caused_by=str(CHAMPION), confidence=0.8, about=MODEL, at=since,
        why="it came with it", by=BOB,
    )  # fmt: skip
    assert (made.title, made.severity, made.opened_by, made.about) == (
        "Delays in seconds",
        "high",
        str(BOB),
        "model/delay",
    )
    assert (made.began_at, made.opened_at > since, made.resolved_at) == (since, True, None)
    (blame,) = made.blames
    assert (blame.relation, blame.change, blame.source, blame.confidence) == ("caused_by", applied.id, "human", 0.8)
    assert (blame.by, blame.at, blame.why) == (str(BOB), made.opened_at, "it came with it")
    assert world.do("find", "incidents", open=True) == (made,)


def test_opening_is_one_event_with_the_time_of_the_world(world: World, applied: Change) -> None:
    """The feed says who opened what and whom they blame, under the time since when it was wrong."""
    before = world.events()[-1].seq
    since = world.loop.clock.now() - HOUR
    made = world.do("incident", "late", caused_by=applied.id, at=since)
    (event,) = world.events(before)
    assert (event.kind, event.subject, event.actor, event.event_time) == ("incident.opened", made.id, str(ANN), since)
    assert event.payload
    assert event.payload["blames"][0]["change"] == applied.id


def test_a_reason_is_kept_also_where_nobody_knows_the_cause(world: World) -> None:
    """What made somebody open it stands in the feed and in the timeline; a zero byte is no reason."""
    made = world.do("incident", "late", why=" Carrier UA called. ")
    assert world.events()[-1].payload["why"] == "Carrier UA called."  # type: ignore[index]
    assert world.do("show", made.id).moments[0].said == "late: Carrier UA called."
    with pytest.raises(Invalid):
        world.do("incident", "late", why="a\x00")


@pytest.mark.parametrize(("kind", "source"), [("assistant", "assistant"), ("token", "token"), ("trigger", "monitor")])
def test_what_no_person_says_is_marked(world: World, applied: Change, kind: str, source: str) -> None:
    """Whoever is no person may open one, and what they say carries whose word it is."""
    made = world.do("incident", "late", caused_by=applied.id, by=Actor(kind, "x"))
    assert (made.opened_by, made.blames[0].source) == (f"{kind}:x", source)


def test_an_edit_keeps_what_was_said_before(world: World) -> None:
    """Title, severity, asset and beginning are said otherwise, and the feed has both with the reason."""
    made = world.do("incident", "late")
    seq = world.events()[-1].seq
    after = world.do("incident", "later", severity="high", edit=made.id, why="it got worse", by=BOB)
    assert (after.id, after.title, after.severity, after.opened_by) == (made.id, "later", "high", str(ANN))
    (event,) = world.events(seq)
    assert (event.kind, event.actor, event.subject) == ("incident.edited", str(BOB), made.id)
    assert event.payload == {
        "before": {"title": "late", "severity": "medium"}, "after": {"title": "later", "severity": "high"}, "why": "it got worse",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "error", "kind"),
    [
        ({"title": " "}, Invalid, "bad-title"),
        ({"title": "x" * 201}, Invalid, "bad-title"),
        ({"title": "two\nlines"}, Invalid, "bad-title"),
        ({"title": "x", "at": 2**52}, Invalid, "in-the-future"),
        ({"title": "x", "caused_by": "abcdef"}, NotFound, "no-change"),
        ({"title": "x", "caused_by": "model/delay@none"}, NotFound, "no-ref"),
        ({"title": "x", "caused_by": f"{OTHER}:model/delay@champion"}, Invalid, "other-project"),
        ({"title": "x", "about": AssetName(PROJECT, "model", "none")}, NotFound, "no-asset"),
        ({"title": "x", "about": AssetName(OTHER, "model", "delay")}, Invalid, "other-project"),
        ({"title": "x", "caused_by": str(CHAMPION), "confidence": 1.5}, Invalid, "bad-confidence"),
        ({"title": "x", "caused_by": str(CHAMPION), "confidence": 0.0}, Invalid, "bad-confidence"),
        ({"title": "x", "caused_by": str(CHAMPION), "confidence": float("nan")}, Invalid, "bad-confidence"),
        ({"title": "x", "edit": "abcdef", "why": "y"}, NotFound, "no-incident"),
        ({"title": "x", "edit": "abcdef", "caused_by": str(CHAMPION)}, Invalid, "edit-or-blame"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World, applied: Change, asked: dict[str, Any], error: type[Exception], kind: str
) -> None:
    """No title, a beginning in the future, a change, an asset or an incident that is not here: nothing is written."""
    seq = world.events()[-1].seq
    with pytest.raises(error) as caught:
        world.do("incident", **asked)
    assert caught.value.kind == kind  # type: ignore[attr-defined]
    assert caught.value.hint  # type: ignore[attr-defined]
    assert world.events(seq) == []


def test_an_edit_that_says_the_same_or_gives_no_reason_is_refused(world: World) -> None:
    """Nothing to edit is a conflict, an edit without a reason makes no sense, and neither leaves an event."""
    made = world.do("incident", "late")
    seq = world.events()[-1].seq
    with pytest.raises(Conflict) as caught:
        world.do("incident", "late", edit=made.id, why="again")
    assert caught.value.kind == "nothing-to-edit"
    with pytest.raises(Invalid) as missing:
        world.do("incident", "later", edit=made.id)
    assert missing.value.kind == "no-reason"
    assert world.events(seq) == []


def test_a_change_that_moved_nothing_is_not_blamed(guarded: World) -> None:
    """What is only proposed, or was withdrawn, cannot have caused anything."""
    change = guarded.propose(1)
    for _ in ("proposed", "withdrawn"):
        with pytest.raises(Conflict) as caught:
            guarded.do("incident", "late", caused_by=change.id)
        assert (caught.value.kind, caught.value.facts["change"]) == ("never-applied", change.id)
        if not guarded.do("review", change.id).change.state.over:
            guarded.do("withdraw", change.id)
