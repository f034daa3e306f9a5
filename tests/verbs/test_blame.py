from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.actor import Actor
from loopline.nouns.name import Numbered

from .conftest import BOB, CHAMPION

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .conftest import World


@pytest.fixture
def moved(world: World) -> tuple[Change, Change]:
    """Give two changes of the champion that were applied, one after the other."""
    world.train(b"one")
    world.train(b"two")
    return world.propose(1), world.propose(2)


def test_edges_are_added_confirmed_and_taken_away(world: World, moved: tuple[Change, Change]) -> None:
    """What an alert suspected a person confirms or takes back, and the feed has who, before, after and why of each."""
    bad, good = moved
    made = world.do("incident", "late", caused_by=bad.id, confidence=0.5, by=Actor("trigger", "drift"))
    seq = world.events()[-1].seq
    sure = world.do("blame", made.id[:31], bad.id, why="seen in the log", by=BOB)
    both = world.do("blame", made.id, str(CHAMPION), fixes=True, confidence=0.9, why="it went away", by=BOB)
    left = world.do("blame", made.id, bad.id, remove=True, why="it was the weather", by=BOB)
    assert [(b.source, b.confidence, b.by) for b in sure.blames] == [("human", 1.0, str(BOB))]
    assert [(b.relation, b.change) for b in both.blames] == [("caused_by", bad.id), ("fixes", good.id)]
    assert [(b.relation, b.confidence) for b in left.blames] == [("fixes", 0.9)]
    told = [(e.kind, e.payload["before"], e.payload["after"], e.payload["why"]) for e in world.events(seq) if e.payload]
    assert [one[0] for one in told] == ["incident.blamed", "incident.blamed", "incident.absolved"]
    assert [(one[1] or {}).get("source") for one in told] == ["monitor", None, "human"]
    assert [(one[2] or {}).get("confidence") for one in told] == [1.0, 0.9, None]
    assert all(one[3] for one in told)


def test_the_same_edge_twice_is_a_conflict(world: World, moved: tuple[Change, Change]) -> None:
    """With another confidence it is an edit; with the same nothing would be said, and nothing is written."""
    made = world.do("incident", "late", caused_by=moved[0].id)
    seq = world.events()[-1].seq
    with pytest.raises(Conflict) as caught:
        world.do("blame", made.id, moved[0].id, why="again")
    assert caught.value.kind == "blamed-already"
    assert world.events(seq) == []
    after = world.do("blame", made.id, moved[0].id, confidence=0.3, why="less sure")
    assert [b.confidence for b in after.blames] == [0.3]


@pytest.mark.parametrize(
    ("asked", "error", "kind"),
    [
        ({"why": " "}, Invalid, "no-reason"),
        ({"why": "x", "confidence": 2.0}, Invalid, "bad-confidence"),
        ({"why": "x", "confidence": -0.1}, Invalid, "bad-confidence"),
        ({"why": "x", "change": "ffffff"}, NotFound, "no-change"),
        ({"why": "x", "incident": "ffffff"}, NotFound, "no-incident"),
        ({"why": "x", "remove": True}, NotFound, "no-blame"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World, moved: tuple[Change, Change], asked: dict[str, Any], error: type[Exception], kind: str
) -> None:
    """No reason, no such confidence, change, incident or edge: each says what to do next, and nothing is written."""
    made = world.do("incident", "late")
    seq = world.events()[-1].seq
    with pytest.raises(error) as caught:
        world.do("blame", asked.pop("incident", made.id), asked.pop("change", moved[0].id), **asked)
    assert caught.value.kind == kind  # type: ignore[attr-defined]
    assert caught.value.hint  # type: ignore[attr-defined]
    assert world.events(seq) == []


def test_a_change_does_not_both_cause_and_fix(world: World, moved: tuple[Change, Change]) -> None:
    """Whoever wants it otherwise takes the other edge away first."""
    made = world.do("incident", "late", caused_by=moved[0].id)
    with pytest.raises(Conflict) as caught:
        world.do("blame", made.id, moved[0].id, fixes=True, why="x")
    assert caught.value.kind == "cause-and-fix"


def test_what_was_not_applied_fixes_nothing(guarded: World) -> None:
    """A proposed change is linked as the fix once it is applied."""
    made = guarded.do("incident", "late")
    change = guarded.propose(1)
    with pytest.raises(Conflict) as caught:
        guarded.do("blame", made.id, change.id, fixes=True, why="x")
    assert caught.value.kind == "never-applied"
    guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", change.id)
    assert guarded.do("blame", made.id, change.id, fixes=True, why="x").blames[0].change == change.id


def test_an_incident_of_another_project_is_not_here(world: World, moved: tuple[Change, Change]) -> None:
    """Its id leads nowhere, and neither does a change of another project."""
    there = world.abroad()
    other = there.do("incident", "late")
    with pytest.raises(NotFound) as caught:
        world.do("blame", other.id, moved[0].id, why="x")
    assert caught.value.kind == "no-incident"
    with pytest.raises(NotFound) as unknown:
        there.do("blame", other.id, moved[0].id, why="x")
    assert unknown.value.kind == "no-change"


def test_a_rollback_does_not_forget_what_a_person_said(world: World, moved: tuple[Change, Change]) -> None:
    """The edge goes on saying who was how sure of it; the event has what was added beside it."""
    made = world.do("incident", "late", caused_by=moved[1].id, confidence=0.4, by=BOB)
    seq = world.events()[-1].seq
    back = world.do("rollback", CHAMPION, why="late")
    (event,) = world.events(seq)
    assert event.payload
    (told,) = event.payload["incidents"]
    assert told["incident"] == made.id
    assert [(one["before"], one["after"]["relation"], one["after"]["change"]) for one in told["edges"]] == [
        (None, "fixes", back.id)
    ]
    kept = next(one for one in world.do("show", made.id).incident.blames if one.relation == "caused_by")
    assert (kept.by, kept.confidence, kept.change) == (str(BOB), 0.4, moved[1].id)


def test_a_rollback_leaves_what_its_change_has_fixed(world: World, moved: tuple[Change, Change]) -> None:
    """An open incident that the undone change is said to fix is not resolved by taking that change back."""
    made = world.do("incident", "late", caused_by=moved[0].id)
    world.do("blame", made.id, moved[1].id, fixes=True, why="x")
    world.do("rollback", CHAMPION, why="worse")
    newest, first = world.do("find", "incidents")
    assert (first.id, first.resolved_at) == (made.id, None)
    assert [(b.relation, b.change) for b in newest.blames][:1] == [("caused_by", moved[1].id)]
    assert world.target() == Numbered(1).number
