from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from .conftest import Hand

DATA = AssetName("flights", "data", "flights")


def test_a_missing_asset_names_a_near_one(hand: Hand) -> None:
    """A typo is answered with the asset that was probably meant."""
    with hand.write() as tx:
        tx.assets.ensure(DATA)
    with hand.read() as tx, pytest.raises(NotFound) as caught:
        tx.assets.get(AssetName("flights", "data", "flihgts"))
    assert caught.value.kind == "no-asset"
    assert "data/flights" in caught.value.hint


def test_the_first_description_of_a_digest_stays(hand: Hand) -> None:
    """Bytes have one media type; publishing them again under another does not rewrite history."""
    digest = digest_of(b"x")
    with hand.write() as tx:
        tx.assets.describe(Artifact(digest, "text/plain", 1))
        tx.assets.describe(Artifact(digest, "text/html", 1))
        assert tx.assets.artifact(digest) == Artifact(digest, "text/plain", 1)
        assert tx.assets.artifact(digest_of(b"y")) is None


def test_aliases_find_bytes_by_another_algorithm(hand: Hand) -> None:
    """An md5 leads to the digest of the same bytes."""
    digest = digest_of(b"x")
    with hand.write() as tx:
        tx.assets.alias("md5", "9dd4e461268c8034f5c8564e155c67a6", digest)
        assert tx.assets.by_alias("md5", "9dd4e461268c8034f5c8564e155c67a6") == digest
        assert tx.assets.by_alias("sha512", "9dd4e461268c8034f5c8564e155c67a6") is None


def test_a_deleted_asset_keeps_its_numbers(hand: Hand) -> None:
    """A name that is used again goes on counting: an old number never means new bytes."""
    hand.publish(b"1", b"2", asset=DATA)
    with hand.write() as tx:
        tx.assets.delete(DATA)
        assert tx.assets.find(DATA) is None
        assert tx.assets.list("flights") == []
    hand.publish(b"3", asset=DATA)
    with hand.read() as tx:
        assert tx.assets.get(DATA).last_number == 3


def test_a_deleted_asset_comes_back_when_it_is_used_again(hand: Hand) -> None:
    """Whoever looked at it first, in the same transaction, finds it alive behind `ensure` all the same."""
    hand.publish(b"1", asset=DATA)
    with hand.write() as tx:
        tx.assets.delete(DATA)
    with hand.write() as tx:
        number = tx.assets.id_of(DATA)
        assert (tx.assets.ensure(DATA), tx.assets.get(DATA).id) == (number, number)


def test_list_is_sorted_and_goes_on(hand: Hand) -> None:
    """Pages follow each other without gap or overlap, also with names that need escaping."""
    names = [AssetName("flights", kind, name) for kind in ("data", "model") for name in ("a", "a b", "ü", "z@1")]
    with hand.write() as tx:
        for name in names:
            tx.assets.ensure(name)
        tx.assets.ensure(AssetName("other", "data", "b"))
        first = tx.assets.list("flights", limit=3)
        rest = tx.assets.list("flights", after=f"{first[-1].name.kind}/{first[-1].name.name}")
        assert {a.name for a in (*first, *rest)} == set(names)
        assert len(first) + len(rest) == len(names)
        assert [a.name for a in tx.assets.list("flights", kind="model")] == [
            a.name for a in (*first, *rest) if a.name.kind == "model"
        ]


def test_assets_are_counted(hand: Hand) -> None:
    """Deleted ones and those of other projects do not count."""
    with hand.write() as tx:
        for name in (DATA, AssetName("flights", "model", "delay"), AssetName("other", "data", "x")):
            tx.assets.ensure(name)
        tx.assets.delete(DATA)
        assert tx.assets.count("flights") == 1
        assert tx.assets.count("nobody") == 0


def test_many_aliases_are_told_and_found_at_once(hand: Hand) -> None:
    """Those that nobody told are left out; one that is told again means what was told last."""
    named = {f"{number:032x}": digest_of(str(number).encode()) for number in range(1200)}
    with hand.write() as tx:
        tx.assets.aliases("md5", named)
        assert tx.assets.by_aliases("md5", [*named, "f" * 32]) == named
        assert tx.assets.by_aliases("sha512", named) == {}
        tx.assets.aliases("md5", {f"{1:032x}": digest_of(b"other")})
        assert tx.assets.by_alias("md5", f"{1:032x}") == digest_of(b"other")
