from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.name import AssetName, RefName

if TYPE_CHECKING:
    from .conftest import Hand

MAIN = RefName(AssetName("flights", "data", "raw"), "main")


def test_a_bucket_is_a_name_of_one_branch(hand: Hand) -> None:
    """The first who takes a name has it; taking it away leaves the asset."""
    with hand.write() as tx:
        assert tx.buckets.add("raw-flights", MAIN, auto_commit=True)
        assert not tx.buckets.add("raw-flights", RefName(MAIN.asset, "other"))
        found = tx.buckets.find("raw-flights")
        assert found is not None
        assert (found.ref, found.auto_commit) == (MAIN, True)
        assert [one.name for one in tx.buckets.list()] == ["raw-flights"]
        tx.buckets.remove("raw-flights")
        assert tx.buckets.find("raw-flights") is None
        assert tx.assets.find(MAIN.asset)
