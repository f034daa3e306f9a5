from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Hand


def test_tags_belong_to_their_subject(hand: Hand) -> None:
    """The newest value stays; what is dropped is gone, and nothing else."""
    with hand.write() as tx:
        tx.taggings.set("asset/1", {"a": "1", "b": "2"})
        tx.taggings.set("asset/1", {"a": "3"})
        tx.taggings.set("asset/11", {"a": "4"})
        assert tx.taggings.of("asset/1") == {"a": "3", "b": "2"}
        assert tx.taggings.drop("asset/1", ["a", "nothing"]) == 1
        assert tx.taggings.of_all(["asset/1", "asset/11", "asset/2"]) == {"asset/1": {"b": "2"}, "asset/11": {"a": "4"}}
        tx.taggings.clear("asset/1")
        assert tx.taggings.of("asset/1") == {}
        assert tx.taggings.of("asset/11") == {"a": "4"}
