from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName
from loopline.nouns.run import Link, Run

if TYPE_CHECKING:
    from .conftest import Hand

A, B, C, D, E, F = (digest_of(name.encode()) for name in "abcdef")


def test_what_was_given_is_held_by_its_project(hand: Hand) -> None:
    """Holding is a project's own, and writing it down twice is harmless; any number may be asked at once."""
    with hand.write() as tx:
        tx.holdings.add("flights", [A, B, A])
        tx.holdings.add("flights", [A])
        tx.holdings.add("other", [C])
        assert tx.holdings.among("flights", [A, B, C]) == {A, B}
        many = [digest_of(b"%d" % number) for number in range(1200)]
        tx.holdings.add("flights", many)
        assert tx.holdings.among("flights", [*many, C]) == set(many)


def test_records_name_what_their_project_made(hand: Hand) -> None:
    """Versions, outputs, code, environments and logs are a project's own; what a run only read is not, nor another project's."""
    hand.publish(b"a")
    with hand.write() as tx:
        run = tx.runs.start(Run(hand.ids.new(), "flights", "x", code=B, environment=C, tags={"log": D, "note": F}))
        tx.lineage.record(run.id, project="flights", inputs=[Link("in", F)], outputs=[Link("out", E)])
        everything = [A, B, C, D, E, F]
        assert tx.holdings.named("flights", everything) == {A, B, C, D, E}
        assert tx.holdings.named("other", everything) == set()


def test_trees_that_nobody_has_walked_are_given(hand: Hand) -> None:
    """Trees of versions, code and outputs are to be walked, each until it is; other artifacts are no trees."""
    data = AssetName("flights", "data", "x")
    with hand.write() as tx:
        tx.versions.publish(data, Artifact(A, TREE, 1), author="person:ann")
        tx.versions.publish(data, Artifact(F, size=1), author="person:ann")
        run = tx.runs.start(Run(hand.ids.new(), "flights", "x", code=B))
        tx.lineage.record(
            run.id, project="flights", inputs=[Link("in", D, TREE)], outputs=[Link("o", C, TREE), Link("p", E)]
        )
        assert sorted(tx.holdings.roots("flights")) == sorted([A, B, C])
        tx.holdings.walk("flights", [A, A])
        tx.holdings.walk("other", [B])
        assert sorted(tx.holdings.roots("flights")) == sorted([B, C])
        assert tx.holdings.walked("flights", [A, B]) == {A}
        assert list(tx.holdings.roots("other")) == []
