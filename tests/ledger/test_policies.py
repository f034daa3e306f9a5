from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.artifact import POLICY, Artifact
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, RefName

if TYPE_CHECKING:
    from .conftest import Hand

ASSET = AssetName("flights", "policy", "flights")


def test_the_policy_in_force_is_what_its_ref_points_at(hand: Hand) -> None:
    """Publishing a document changes nothing; moving policy/<project>@main does."""
    document = b'{"version":1}'
    with hand.write() as tx:
        digest = tx.policies.keep(document)
        tx.policies.keep(document)
        tx.versions.publish(ASSET, Artifact(digest, POLICY, len(document)), author="a")
        assert tx.policies.in_force("flights") is None
    hand.move(1, ref=RefName(ASSET, "main"))
    with hand.read() as tx:
        assert tx.policies.in_force("flights") == (digest, document)
        assert tx.policies.in_force("other") is None
        assert tx.policies.find(digest) == document
        assert tx.policies.find(digest_of(b"?")) is None
