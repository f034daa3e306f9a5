from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.query import Clause, Order, Place, Query

if TYPE_CHECKING:
    from .conftest import Hand


def test_an_experiment_has_a_name_and_tags(hand: Hand) -> None:
    """Both can change; its number stays."""
    with hand.write() as tx:
        made = tx.experiments.create("flights", "delays", {"team": "ops"})
        tx.experiments.rename(made, "late")
        found = tx.experiments.get("flights", "late")
        assert (found.id, found.tags) == (made.id, {"team": "ops"})
        assert tx.experiments.find("flights", "delays") is None
        assert tx.experiments.by_id("flights", made.id) == found
        assert tx.experiments.by_id("other", made.id) is None
        assert [one.name for one in tx.experiments.list("flights")] == ["late"]


def test_a_name_is_taken_once_in_a_project(hand: Hand) -> None:
    """Also by one that was deleted, until it is restored and renamed."""
    with hand.write() as tx:
        made = tx.experiments.create("flights", "delays", {})
        tx.experiments.create("other", "delays", {})
        tx.experiments.delete(made)
        with pytest.raises(Conflict) as caught:
            tx.experiments.create("flights", "delays", {})
        assert caught.value.facts["deleted"] is True
        with pytest.raises(NotFound):
            tx.experiments.get("flights", "delays")
        tx.experiments.restore(tx.experiments.get("flights", "delays", deleted=True))
        second = tx.experiments.create("flights", "second", {})
        with pytest.raises(Conflict):
            tx.experiments.rename(second, "delays")
        assert tx.runs.experiment("flights", "delays") == made.id


def test_an_experiment_takes_a_number_that_is_free(hand: Hand) -> None:
    """One that is taken is left to whoever has it, and later ones never get a number twice, on either database."""
    with hand.write() as tx:
        first = tx.experiments.create("flights", "first", {})
        wished = tx.experiments.create("flights", "wished", {"a": "b"}, number=17, created_at=5)
        taken = tx.experiments.create("other", "taken", {}, number=17, above=20)
        later = tx.experiments.create("flights", "later", {}, above=20)
        last = tx.runs.experiment("flights", "last")
        assert tx.experiments.get("flights", "wished") == wished
    assert (first.id < 17, wished.id, wished.tags, wished.created_at) == (True, 17, {"a": "b"}, 5)
    assert 20 < taken.id < later.id < last


def _named(hand: Hand, query: Query, *, unborn: str = "", limit: int = 9, after: Place | None = None) -> list[str]:
    with hand.read() as tx:
        return [one.name for one, _ in tx.experiments.query("flights", query, unborn=unborn, limit=limit, after=after)]


def test_experiments_are_found_by_a_query(hand: Hand) -> None:
    """By attributes and tags, in words of whoever asks; the one that nobody has begun stands among them."""
    with hand.write() as tx:
        tx.experiments.create("flights", "delays", {"team": "ops"})
        tx.experiments.create("flights", "Amber", {})
        tx.experiments.create("other", "elsewhere", {})
    told = (("default", "zero"),)
    by_name = (Order("attribute", "name", told=told),)
    assert _named(hand, Query(orders=by_name), unborn="default") == ["Amber", "delays", "default"]
    assert set(_named(hand, Query(), unborn="default")) == {"default", "delays", "Amber"}
    assert _named(hand, Query((Clause("attribute", "name", "like", "z%", told=told),)), unborn="default") == ["default"]
    assert _named(hand, Query((Clause("tag", "team", "=", "ops"),)), unborn="default") == ["delays"]
    assert _named(hand, Query((Clause("attribute", "id", "in", (0,)),)), unborn="default") == ["default"]
    assert _named(hand, Query(deleted=True), unborn="default") == []
    with hand.write() as tx:
        tx.runs.experiment("flights", "default")
    assert _named(hand, Query(), unborn="default").count("default") == 1


def test_pages_of_experiments_are_the_whole(hand: Hand) -> None:
    """Whatever they are ordered by."""
    with hand.write() as tx:
        for name in "dbca":
            tx.experiments.create("flights", name, {})
    for orders in ((), (Order("attribute", "name"),), (Order("attribute", "created_ms", descending=True),)):
        query, after, found = Query(orders=orders), None, list[str]()
        with hand.read() as tx:
            whole = [one.name for one, _ in tx.experiments.query("flights", query, unborn="default", limit=9)]
            while page := tx.experiments.query("flights", query, unborn="default", limit=2, after=after):
                found += [one.name for one, _ in page]
                after = page[-1][1]
        assert found == whole
        assert len(found) == 5


@pytest.mark.parametrize(
    "place",
    [(), ((0, "a"),), ((0, "a"), (0, 1), (0, "1")), ((5, "a"), (0, 1), (0, 1)), ((0, "a\x00"), (0, 1), (0, 1)),
     ((0, "a"), (0, 2**63), (0, 1))],
)  # fmt: skip
def test_what_is_no_place_is_refused(hand: Hand, place: Place) -> None:
    """It may come from anywhere."""
    with hand.read() as tx, pytest.raises(Invalid) as raised:
        tx.experiments.query("flights", Query(orders=(Order("attribute", "name"),)), limit=2, after=place)
    assert raised.value.kind == "bad-cursor"
