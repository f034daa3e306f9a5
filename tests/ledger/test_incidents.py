from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.incident import Blame, Incident

if TYPE_CHECKING:
    from .conftest import Hand


def test_an_incident_knows_what_caused_and_fixed_it(hand: Hand) -> None:
    """Edges are stored, found from either end, and the first end counts."""
    with hand.write() as tx:
        opened = tx.incidents.open(
            Incident(
                hand.ids.new(),
                "flights",
                "late",
                "high",
                "person:ann",
                0,
                blames=(Blame("caused_by", "c1", "human", 0.5),),
            )
        )
        tx.incidents.blame(opened.id, Blame("fixes", "c2", "rollback"))
        tx.incidents.blame(opened.id, Blame("caused_by", "c1", "monitor", 0.9))
        assert [i.id for i in tx.incidents.list("flights", open_only=True)] == [opened.id]
        tx.incidents.resolve(opened.id)
        at = tx.incidents.get(opened.id).resolved_at
    with hand.write() as tx:
        tx.incidents.resolve(opened.id)
        found = tx.incidents.about("c2")[0]
        assert found.resolved_at == at
        assert found.blames == (Blame("caused_by", "c1", "monitor", 0.9), Blame("fixes", "c2", "rollback"))
        assert tx.incidents.list("flights", open_only=True) == []
        with pytest.raises(NotFound):
            tx.incidents.get("nope")


def test_an_incident_is_found_by_its_first_digits(hand: Hand) -> None:
    """Four or more, in its own project alone; where several begin so, that is said."""
    with hand.write() as tx:
        one, two = (
            tx.incidents.open(Incident(name * 32, "flights", "late", "high", "person:ann", 0)) for name in ("a", "b")
        )
        tx.incidents.open(Incident("bbbb" + "c" * 28, "flights", "late", "high", "person:ann", 0))
        assert tx.incidents.beginning("flights", "aaaa") == one
        assert tx.incidents.beginning("flights", two.id) == two
        assert tx.incidents.beginning("flights", "aaa") is None
        assert tx.incidents.beginning("trains", "aaaa") is None
        with pytest.raises(Conflict):
            tx.incidents.beginning("flights", "bbbb")
