from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.ledger.multiparts import LONGEST, Multipart, Part
from loopline.nouns.digest import digest_of

if TYPE_CHECKING:
    from .conftest import Hand


def test_what_nobody_ends_is_forgotten_after_a_week(hand: Hand) -> None:
    """The next upload on the branch takes older ones with it, parts and all; those of other branches stay."""
    with hand.write() as tx:
        for name, owner in (("old", "owner"), ("other", "elsewhere")):
            tx.multiparts.begin(Multipart(name, owner, "a", {}, "person:ann"))
        tx.multiparts.put("old", Part(1, digest_of(b"x"), 1, "0" * 32))
    hand.clock.advance(microseconds=LONGEST + 10)
    with hand.write() as tx:
        tx.multiparts.begin(Multipart("new", "owner", "a", {}, "person:ann"))
        assert [one.id for one in tx.multiparts.list("owner")] == ["new"]
        assert [one.id for one in tx.multiparts.list("elsewhere")] == ["other"]
        assert tx.multiparts.parts("old") == []


def test_parts_are_kept_until_the_end(hand: Hand) -> None:
    """A part replaces the earlier one of its number; the end forgets them and keeps what was answered."""
    digest = digest_of(b"x")
    with hand.write() as tx:
        for name, path in (("u1", "b"), ("u2", "a")):
            tx.multiparts.begin(Multipart(name, "owner", path, {"type": "text/csv"}, "person:ann"))
        for number, size in ((2, 5), (1, 5), (2, 6)):
            tx.multiparts.put("u1", Part(number, digest, size, "0" * 32, {"CRC32": "AAAAAA=="}))
        assert [one.id for one in tx.multiparts.list("owner")] == ["u2", "u1"]
        assert [(one.number, one.size) for one in tx.multiparts.parts("u1")] == [(1, 5), (2, 6)]
        assert [one.number for one in tx.multiparts.parts("u1", after=1)] == [2]
        tx.multiparts.end("u1", {"etag": "e"})
        tx.multiparts.end("u2")
        found = tx.multiparts.find("u1")
        assert found is not None
        assert (found.done, found.notes) == ({"etag": "e"}, {"type": "text/csv"})
        assert (tx.multiparts.find("u2"), tx.multiparts.list("owner"), tx.multiparts.parts("u1")) == (None, [], [])
