from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound

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
        assert tx.experiments.ensure("flights", "delays") == made.id


def test_an_experiment_takes_a_number_that_is_free(hand: Hand) -> None:
    """One that is taken is left to whoever has it, and later ones never get a number twice, on either database."""
    with hand.write() as tx:
        first = tx.experiments.create("flights", "first", {})
        wished = tx.experiments.create("flights", "wished", {"a": "b"}, number=17, created_at=5)
        taken = tx.experiments.create("other", "taken", {}, number=17, above=20)
        later = tx.experiments.create("flights", "later", {}, above=20)
        last = tx.experiments.ensure("flights", "last")
        assert tx.experiments.get("flights", "wished") == wished
    assert (first.id < 17, wished.id, wished.tags, wished.created_at) == (True, 17, {"a": "b"}, 5)
    assert 20 < taken.id < later.id < last
