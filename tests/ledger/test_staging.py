from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.staged import Working

if TYPE_CHECKING:
    from .conftest import Hand

OWNER = "flights:data/flights@main"


def _entry(path: str, body: bytes = b"x") -> Entry:
    return Entry(path, digest_of(body), len(body))


def test_staging_holds_the_newest_word_on_each_path(hand: Hand) -> None:
    """A later write or removal of a path replaces the earlier one; owners do not see each other."""
    with hand.write() as tx:
        tx.staging.put(OWNER, _entry("a", b"old"))
        tx.staging.put(OWNER, _entry("a", b"new"), notes='{"type":"text/csv"}', actor="person:ann")
        tx.staging.put(OWNER, _entry("b/c"))
        tx.staging.remove(OWNER, "gone")
        tx.staging.put("other", _entry("z"))
        listed = tx.staging.list(OWNER)
    assert [one.path for one in listed] == ["a", "b/c", "gone"]
    assert (listed[0].entry, listed[0].notes, listed[0].actor) == (
        _entry("a", b"new"),
        '{"type":"text/csv"}',
        "person:ann",
    )
    assert listed[2].entry is None
    assert [one.seq for one in sorted(listed, key=lambda one: one.seq)] == [2, 3, 4]


def test_prefixes_are_taken_literally(hand: Hand) -> None:
    """A prefix is plain text, whatever characters it holds, in looking around and in cutting."""
    with hand.write() as tx:
        for path in ("a%b", "a_b", "axb", "b/c"):
            tx.staging.put(OWNER, _entry(path))
        assert [one.path for one in tx.staging.around(OWNER, "b")] == ["b/c"]
        assert [one.path for one in tx.staging.around(OWNER, "axb/c/d/")] == ["axb"]
        assert tx.staging.around(OWNER, "a") == []
        tx.staging.cut(OWNER, "a_")
        tx.staging.put(OWNER, _entry("a_c"))
        assert [(one.whole, one.path) for one in tx.staging.list(OWNER)] == [
            (True, "a_"), (False, "a%b"), (False, "a_c"), (False, "axb"), (False, "b/c"),
        ]  # fmt: skip
        assert {one.path for one in tx.staging.around(OWNER, "b/c")} == {"a_", "b/c"}


def test_what_is_folded_leaves_later_rows(hand: Hand) -> None:
    """Folding takes the rows that it has seen; a path that was written again meanwhile stays staged."""
    root = digest_of(b"root")
    with hand.write() as tx:
        tx.staging.put(OWNER, _entry("a"))
        tx.staging.put(OWNER, _entry("b"))
        seen = tx.staging.working(OWNER)
        tx.staging.put(OWNER, _entry("a", b"again"))
        tx.staging.fold(OWNER, Working(2, 2, None, root, root), seen=seen)
        assert [one.path for one in tx.staging.list(OWNER)] == ["a"]
        here = tx.staging.working(OWNER)
        assert (here.last, here.folded, here.root) == (3, 2, root)


def test_what_is_settled_leaves_later_rows(hand: Hand) -> None:
    """A commit takes the working root, and not what was staged since; who still folds over it is told."""
    root = digest_of(b"root")
    with hand.write() as tx:
        tx.staging.put(OWNER, _entry("a"))
        unfolded = tx.staging.working(OWNER)
        tx.staging.fold(OWNER, Working(1, 1, None, root), seen=unfolded)
        tx.staging.put(OWNER, _entry("b"))
        folded = tx.staging.working(OWNER)
        tx.staging.settle(OWNER)
        for seen in (unfolded, folded):
            with pytest.raises(Conflict):
                tx.staging.fold(OWNER, Working(2, 2, None, root), seen=seen)
        assert [one.path for one in tx.staging.list(OWNER)] == ["b"]


def test_nobody_folds_over_a_fold_that_they_have_not_seen(hand: Hand) -> None:
    """The second of two who saw the same rows is told, also where everything was forgotten meanwhile."""
    root = digest_of(b"root")
    with hand.write() as tx:
        tx.staging.put(OWNER, _entry("a"))
        seen = tx.staging.working(OWNER)
        tx.staging.clear(OWNER)
        with pytest.raises(Conflict) as caught:
            tx.staging.fold(OWNER, Working(1, 1, None, root), seen=seen)
        assert caught.value.kind == "staging-moved"
        assert tx.staging.list(OWNER) == []
        assert tx.staging.put(OWNER, _entry("b")).seq > tx.staging.working(OWNER).folded


def test_many_are_cleared_at_once(hand: Hand) -> None:
    """And who has nothing is not begun by that."""
    with hand.write() as tx:
        for owner in ("flights:trace/a", "flights:trace/b"):
            tx.staging.put(owner, _entry("x"))
        tx.staging.clear_all(["flights:trace/a", *(f"flights:trace/{at}" for at in range(1_200))])
        assert [owner for owner, _ in tx.staging.files("flights")] == ["flights:trace/b"]
        assert tx.rows.one("SELECT COUNT(*) FROM workings") == (2,)
