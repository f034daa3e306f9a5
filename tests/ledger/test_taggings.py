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


def test_who_has_a_tag_is_told_by_kind(hand: Hand) -> None:
    """The same tag on anything else, which its writer was free to give, is not told."""
    with hand.write() as tx:
        for subject in ("version/1/2", "version/1/10", "experiment/1", "asset/1", "versions/1"):
            tx.taggings.set(subject, {"stage": "old"})
        tx.taggings.set("version/1/3", {"stage": "new"})
        assert tx.taggings.having("stage", "old", "version") == ["version/1/10", "version/1/2"]
        assert tx.taggings.having("stage", "old", "asset", "experiment") == ["asset/1", "experiment/1"]
        assert tx.taggings.having("stage", "older", "version") == []
