from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.comment import Comment

if TYPE_CHECKING:
    from .conftest import Hand

CHANGE = "c" * 32


def said(hand: Hand, body: str, *, place: str = "", answers: str | None = None) -> Comment:
    """Write a comment down."""
    with hand.write() as tx:
        return tx.comments.add("flights", Comment(hand.ids.new(), CHANGE, "person:ann", body, 0, place, answers))


def test_a_discussion_is_read_in_its_order(hand: Hand) -> None:
    """What was said comes back oldest first, with its place and what it answers, and only for its change."""
    first = said(hand, "why?\nreally", place="flights.py:12")
    second = said(hand, "because", answers=first.id)
    with hand.read() as tx:
        assert list(tx.comments.of(CHANGE)) == [first, second]
        assert first.at
        assert list(tx.comments.of("d" * 32)) == []


def test_a_comment_is_edited_and_deleted(hand: Hand) -> None:
    """An edit replaces the text; a deletion takes it away and leaves that something was said; then nothing more happens."""
    mine = said(hand, "wrng")
    with hand.write() as tx:
        edited = tx.comments.edit(mine, "wrong")
    with hand.write() as tx:
        assert tx.comments.count([CHANGE, "x"]) == {CHANGE: 1}
        gone = tx.comments.delete(edited)
        assert (gone.body, bool(gone.edited_at), bool(gone.deleted_at)) == ("", True, True)
        assert list(tx.comments.of(CHANGE)) == [gone]
        assert tx.comments.count([CHANGE]) == tx.comments.count([]) == {}
        with pytest.raises(Conflict) as caught:
            tx.comments.edit(gone, "x")
        assert caught.value.kind == "comment-deleted"
        with pytest.raises(Conflict) as caught:
            tx.comments.delete(gone)
        assert caught.value.kind == "comment-deleted"


def test_a_comment_is_named_by_its_first_digits(hand: Hand) -> None:
    """Too few digits, or digits of nothing, name none; of two that begin alike more digits are asked for."""
    first = said(hand, "a")
    said(hand, "b")
    with hand.read() as tx:
        assert tx.comments.resolve(CHANGE, first.id) == first
        for prefix in (first.id[:3], "ffff", ""):
            with pytest.raises(NotFound):
                tx.comments.resolve(CHANGE, prefix)
        with pytest.raises(Conflict):
            tx.comments.resolve(CHANGE, first.id[:6])
