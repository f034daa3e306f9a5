from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.digest import digest_of

if TYPE_CHECKING:
    from .conftest import Hand


def test_many_bytes_may_have_one_sum(hand: Hand) -> None:
    """A sum is looked up by digest, so that bytes made to have the sum of others change nothing for those."""
    one, two = digest_of(b"1"), digest_of(b"2")
    with hand.write() as tx:
        tx.sums.add(one, {"md5": "same", "CRC32": "AAAAAA=="})
        tx.sums.add(two, {"md5": "same"})
        tx.sums.add(one, {"md5": "same"})
        assert tx.sums.of(one) == {"md5": "same", "CRC32": "AAAAAA=="}
        assert tx.sums.all("md5", [one, two, digest_of(b"3")]) == {one: "same", two: "same"}


def test_one_sum_of_many_bytes_is_told_at_once(hand: Hand) -> None:
    """What is known already stays."""
    one, two = digest_of(b"1"), digest_of(b"2")
    with hand.write() as tx:
        tx.sums.add(one, {"md5": "first"})
        tx.sums.add_all("md5", {one: "second", two: "same"})
        assert tx.sums.all("md5", [one, two]) == {one: "first", two: "same"}
