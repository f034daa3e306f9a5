"""Assets and versions are read many at once, as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.ledger.registry import Narrow
from loopline.nouns.name import AssetName, RefName

from .conftest import ANN

if TYPE_CHECKING:
    from .conftest import Hand

MODEL = AssetName("flights", "model", "delay")
OTHER = AssetName("flights", "model", "a%_b")
DATA = AssetName("flights", "data", "raw")


def test_models_and_versions_are_those_of_one_project_and_kind(hand: Hand) -> None:
    """What is deleted, of another kind or of another project is left out."""
    run = hand.run()
    hand.publish(b"1", b"2", asset=MODEL)
    hand.publish(b"3", asset=OTHER, run=run.id)
    hand.publish(b"4", asset=DATA)
    hand.publish(b"5", asset=AssetName("secret", "model", "x"))
    with hand.write() as tx:
        tx.versions.delete(MODEL, 1)
    with hand.read() as tx:
        assert [one.name for one in tx.registry.models("flights", "model")] == [OTHER, MODEL]
        assert [str(one) for one in tx.registry.versions("flights", "model")] == ["model/delay@2", f"{OTHER}@1"]
        named = Narrow(names=("a%_b", "none"))
        assert [(one.name, one.run) for one in tx.registry.versions("flights", "model", named)] == [(OTHER, run.id)]
        assert list(tx.registry.versions("flights", "model", Narrow(names=()))) == []
        assert [one.number for one in tx.registry.versions("flights", "model", Narrow(runs=(run.id,)))] == [1]
        number = tx.assets.get(MODEL).id
        assert tx.registry.version(number, 1) is None
        assert tx.registry.version(number, 2) is not None
        assert list(tx.registry.those([(number, 1), (number, 2)])) == [(number, 2)]


def test_the_newest_is_told_for_what_is_apart_and_for_the_rest(hand: Hand) -> None:
    """Deleted versions are neither; an asset that has none of a sort is left out."""
    hand.publish(b"1", b"2", b"3", b"4", asset=MODEL)
    hand.publish(b"5", asset=OTHER)
    with hand.write() as tx:
        tx.versions.delete(MODEL, 4)
    with hand.read() as tx:
        one, other = tx.assets.get(MODEL).id, tx.assets.get(OTHER).id
        assert tx.registry.newest([one, other], apart={}, without={}) == [(one, 3), (other, 1)]
        assert tx.registry.newest([one], apart={one: {1, 4}}, without={one: {3}}) == [(one, 1), (one, 2)]
        assert tx.registry.newest([other], apart={other: {1}}, without={}) == [(other, 1)]


def test_refs_and_times_are_told_for_many(hand: Hand) -> None:
    """Each under the asset that has it; what nothing was said about is left out."""
    hand.publish(b"1", asset=MODEL)
    hand.publish(b"2", asset=OTHER)
    hand.move(1, ref=RefName(MODEL, "a"))
    with hand.ledger.write("flights", ANN) as tx:
        tx.say("annotated", str(OTHER))
    with hand.read() as tx:
        ids = {tx.assets.get(MODEL).id: MODEL, tx.assets.get(OTHER).id: OTHER}
        refs = tx.registry.refs(ids)
        assert [(key, [str(ref.name) for ref in found]) for key, found in refs.items()] == [
            (tx.assets.get(MODEL).id, ["model/delay@a"])
        ]
        touched = tx.registry.touched("flights", [str(OTHER), str(MODEL)])
        assert list(touched) == [str(OTHER)]
