from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, RefName

if TYPE_CHECKING:
    from .conftest import Hand

MODEL = AssetName("flights", "model", "delay")
CHAMPION = RefName(MODEL, "champion")


def test_a_ref_moves_and_knows_its_change(hand: Hand) -> None:
    """After a move the ref names its target and the change that moved it."""
    hand.publish(b"1")
    change = hand.move(1)
    with hand.read() as tx:
        ref = tx.refs.get(CHAMPION)
    assert (ref.target, ref.change) == (1, change.id)


@pytest.mark.parametrize("seen", [None, 2, 99])
def test_move_refuses_stale_writer(hand: Hand, seen: int | None) -> None:
    """A ref does not move when the writer saw another target."""
    hand.publish(b"1", b"2")
    hand.move(1)
    with hand.write() as tx, pytest.raises(Conflict) as caught:
        tx.refs.move(Move(CHAMPION, seen, 2), change="c")
    assert caught.value.facts["found"] == 1
    with hand.read() as tx:
        assert tx.refs.get(CHAMPION).target == 1


def test_a_ref_never_points_at_nothing(hand: Hand) -> None:
    """Neither a number that is not there nor a deleted version can become current."""
    hand.publish(b"1", b"2")
    with hand.write() as tx:
        tx.versions.delete(MODEL, 2)
    for number in (2, 7):
        with hand.write() as tx, pytest.raises(NotFound):
            tx.refs.move(Move(CHAMPION, None, number), change="c")


def test_a_ref_can_be_deleted_and_made_again(hand: Hand) -> None:
    """Deleting is a move to None, and needs the same knowledge as any move."""
    hand.publish(b"1")
    hand.move(1)
    hand.move(None)
    with hand.read() as tx:
        assert tx.refs.find(CHAMPION) is None
        with pytest.raises(NotFound):
            tx.refs.get(CHAMPION)
    hand.move(1)


def test_a_tier_stays_until_a_move_names_another(hand: Hand) -> None:
    """Moving without a tier keeps it; moving with one sets it."""
    hand.publish(b"1", b"2")
    with hand.write() as tx:
        tx.refs.move(Move(CHAMPION, None, 1, "production"), change="c1")
        tx.refs.move(Move(CHAMPION, 1, 2), change="c2")
        assert tx.refs.get(CHAMPION).tier == "production"
        tx.refs.move(Move(CHAMPION, 2, 2, "staging"), change="c3")
        assert tx.refs.get(CHAMPION).tier == "staging"
        assert [str(r.name) for r in tx.refs.list("flights")] == ["model/delay@champion"]


def test_whether_there_is_any_of_a_kind(hand: Hand) -> None:
    """An asset without a ref is none, and one ref in any project is enough."""
    hand.publish(b"1")
    with hand.read() as tx:
        assert not tx.refs.any("model")
    hand.move(1)
    with hand.read() as tx:
        assert (tx.refs.any("model"), tx.refs.any("service")) == (True, False)


def test_refs_of_a_kind_are_those_of_one_project_or_of_all(hand: Hand) -> None:
    """Other kinds are not given, and other projects only where none is named."""
    hand.publish(b"1")
    hand.move(1)
    with hand.read() as tx:
        assert [str(one.name) for one in tx.refs.of_kind("model", project="flights")] == ["model/delay@champion"]
        assert [str(one.name) for one in tx.refs.of_kind("model")] == ["model/delay@champion"]
        assert not tx.refs.of_kind("model", project="trains")
        assert not tx.refs.of_kind("service", project="flights")


def test_names_are_not_restricted_by_the_grammar(hand: Hand) -> None:
    """A ref may look like a number, hold spaces or be Chinese: what is stored comes back."""
    hand.publish(b"1")
    for name in ("16", "a b", "主", "latest", "x/y@z"):
        hand.move(1, ref=RefName(MODEL, name))
    with hand.read() as tx:
        assert {r.name.ref for r in tx.refs.of(MODEL)} == {"16", "a b", "主", "latest", "x/y@z"}
