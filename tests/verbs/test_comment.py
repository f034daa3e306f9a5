from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Refused

from .conftest import BOB, CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_a_discussion_is_part_of_the_review(guarded: World) -> None:
    """A comment and its answer are on the page of the change, by whom they were said."""
    change = guarded.propose(1)
    asked = guarded.do("comment", str(CHAMPION), " why?\n", place="auc", by=BOB)
    answer = guarded.do("comment", change.id, "because", answers=asked.id)
    page = guarded.do("review", change.id)
    assert page.comments == (asked, answer)
    assert (asked.author, asked.body, asked.place, answer.answers) == ("person:bob", "why?", "auc", asked.id)


def test_the_feed_tells_that_and_not_what(guarded: World) -> None:
    """Making, editing and deleting are events about the change; what was said is in none of them."""
    change = guarded.propose(1)
    seq = guarded.events()[-1].seq
    mine = guarded.do("comment", change.id, "hunter2")
    guarded.do("comment", change.id, "hunter3", edit=mine.id)
    gone = guarded.do("comment", change.id, delete=mine.id)
    told = guarded.events(seq)
    assert [(e.kind, e.subject) for e in told] == [(f"comment.{w}", change.id) for w in ("made", "edited", "deleted")]
    assert all(e.payload and e.payload["comment"] == mine.id and "hunter" not in str(e.payload) for e in told)
    assert (gone.body, guarded.do("review", change.id).comments) == ("", (gone,))


def test_only_the_author_takes_back(guarded: World) -> None:
    """Somebody else neither edits nor deletes a comment, and it stays as it is."""
    change = guarded.propose(1)
    mine = guarded.do("comment", change.id, "mine")
    ways: tuple[dict[str, Any], ...] = ({"edit": mine.id, "text": "yours"}, {"delete": mine.id})
    for asked in ways:
        with pytest.raises(Refused) as caught:
            guarded.do("comment", change.id, by=BOB, **asked)
        assert caught.value.kind == "not-your-comment"
    assert guarded.do("review", change.id).comments == (mine,)


def test_what_cannot_be_said_is_refused(guarded: World) -> None:
    """Nothing, too much, zero bytes, an edit that deletes, an answer to nothing."""
    change = guarded.propose(1)
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"text": " \n"},
        {"text": "x" * 20_001},
        {"text": "x", "place": "p" * 501},
        {"text": "a\0"},
    )
    for asked in wrong:
        with pytest.raises(Invalid):
            guarded.do("comment", change.id, **asked)
    with pytest.raises(Invalid):
        guarded.do("comment", change.id, "x", edit="abcd", delete="abcd")
    with pytest.raises(NotFound):
        guarded.do("comment", change.id, "x", answers="abcdef")
    assert guarded.do("review", change.id).comments == ()


def test_a_deleted_comment_stays_deleted(guarded: World) -> None:
    """It is neither deleted again nor filled with other words."""
    change = guarded.propose(1)
    mine = guarded.do("comment", change.id, "x")
    guarded.do("comment", change.id, delete=mine.id)
    with pytest.raises(Conflict):
        guarded.do("comment", change.id, "y", edit=mine.id)


def test_nobody_speaks_from_another_project(guarded: World) -> None:
    """A change of another project cannot be discussed here, and a rehearsal says nothing."""
    change = guarded.propose(1)
    with pytest.raises(NotFound):
        guarded.abroad().do("comment", change.id, "x")
    guarded.rehearsing().do("comment", change.id, "x")
    assert guarded.do("review", change.id).comments == ()


def test_an_incident_is_spoken_of_as_well(world: World) -> None:
    """A comment on an incident is kept with it, answered and taken back like one on a change."""
    made = world.do("incident", "late")
    seq = world.events()[-1].seq
    said = world.do("comment", made.id, "UA only", by=BOB)
    answer = world.do("comment", made.id, "no, all", answers=said.id)
    assert (said.incident, said.change, answer.answers) == (made.id, "", said.id)
    with world.loop.ledger.read() as tx:
        assert tx.comments.on(made.id) == [said, answer]
    gone = world.do("comment", made.id, delete=said.id, by=BOB)
    assert gone.body == ""
    assert {(e.kind, e.subject) for e in world.events(seq)} == {
        ("comment.made", made.id), ("comment.deleted", made.id),
    }  # fmt: skip
    with pytest.raises(Refused):
        world.do("comment", made.id, delete=answer.id, by=BOB)
    with pytest.raises(NotFound):
        world.do("comment", "ffffffff", "x")
