from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict
from loopline.nouns.digest import digest_of
from loopline.nouns.merge import Merge, Resolution
from loopline.nouns.name import RefName

from .conftest import CHAMPION, MODEL, PROJECT

if TYPE_CHECKING:
    from .conftest import Hand


def made(hand: Hand, ref: RefName = CHAMPION) -> Merge:
    """Give a merge in which paths clash."""
    return Merge(ref, "merge", "clashing", 1, 2, 3, source="3", id=hand.ids.new(), message="why", actor="person:ann")


def test_a_ref_has_one_open_merge(hand: Hand) -> None:
    """A second one is refused until the first is over; another ref has its own."""
    hand.publish(b"1", b"2", b"3")
    with hand.write() as tx:
        first = tx.merges.open(made(hand))
        assert first == replace(made(hand), id=first.id, created_at=tx.now)
        with pytest.raises(Conflict) as caught:
            tx.merges.open(made(hand))
        assert caught.value.kind == "merge-open"
        other = tx.merges.open(made(hand, RefName(MODEL, "best")))
        assert [one.id for one in tx.merges.list(PROJECT)] == [other.id, first.id]
        tx.merges.close(replace(first, state="abandoned"))
        assert tx.merges.of(CHAMPION) is None
        assert [one.id for one in tx.merges.list(PROJECT)] == [other.id]
        assert tx.merges.list("trains") == []
        tx.merges.open(made(hand))


def test_what_was_taken_stays_in_order(hand: Hand) -> None:
    """Later words stand behind earlier ones, whoever said them; what a driver has made is taken away without the rest."""
    hand.publish(b"1", b"2", b"3")
    with hand.write() as tx:
        merge = tx.merges.open(made(hand))
        file = Resolution("b", "file", digest_of(b"b"), 1, 0o755, "driver:rows", tx.now)
        words = [Resolution("a/", "ours", actor="person:ann", at=tx.now), file]
        tx.merges.take(merge.id, words)
        tx.merges.take(merge.id, [Resolution("*", "theirs", actor="person:bo", at=tx.now)])
        assert [one.pattern for one in tx.merges.taken(merge.id)] == ["a/", "b", "*"]
        assert tx.merges.taken(merge.id)[1] == file
        assert tx.holdings.named(PROJECT, [file.digest or ""]) == {file.digest}
        assert tx.holdings.named("trains", [file.digest or ""]) == set()
        tx.merges.forget_made(merge.id)
        assert [one.choice for one in tx.merges.taken(merge.id)] == ["ours", "theirs"]


def test_a_merge_goes_on_from_where_its_ref_stands(hand: Hand) -> None:
    """It keeps its name and what was taken."""
    hand.publish(b"1", b"2", b"3", b"4")
    with hand.write() as tx:
        merge = tx.merges.open(made(hand))
        tx.merges.take(merge.id, [Resolution("a", "ours", actor="person:ann")])
        moved = tx.merges.move(merge.id, ours=4, base=None)
        assert (moved.id, moved.ours, moved.base) == (merge.id, 4, None)
        assert len(tx.merges.taken(merge.id)) == 1


def test_a_merge_that_is_over_stays_so(hand: Hand) -> None:
    """Whoever comes late neither ends it otherwise, nor takes anything, nor lets it go on."""
    hand.publish(b"1", b"2", b"3")
    with hand.write() as tx:
        merge = tx.merges.open(made(hand))
        tx.merges.close(replace(merge, state="abandoned"))
        for late in (
            lambda: tx.merges.close(replace(merge, state="made")),
            lambda: tx.merges.take(merge.id, [Resolution("a", "ours", actor="person:ann")]),
            lambda: tx.merges.move(merge.id, ours=3, base=1),
        ):
            with pytest.raises(Conflict) as caught:
                late()
            assert caught.value.kind == "merge-over"
        assert tx.merges.taken(merge.id) == []
