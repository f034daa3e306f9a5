from __future__ import annotations

from dataclasses import replace
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
        told = tx.now
        assert tx.incidents.blame(opened.id, Blame("fixes", "c2", "rollback")) is None
        before = tx.incidents.blame(opened.id, Blame("caused_by", "c1", "monitor", 0.9, "trigger:x", 0, "drift"))
        assert before == Blame("caused_by", "c1", "human", 0.5, "person:ann", told)
        assert [i.id for i in tx.incidents.list("flights", open_only=True)] == [opened.id]
        tx.incidents.resolve(opened.id)
        at = tx.incidents.get(opened.id).resolved_at
    with hand.write() as tx:
        tx.incidents.resolve(opened.id)
        found = tx.incidents.about("c2")[0]
        assert found.resolved_at == at
        cause = Blame("caused_by", "c1", "monitor", 0.9, "trigger:x", told, "drift")
        assert found.blames == (cause, Blame("fixes", "c2", "rollback", at=told))
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


def test_an_incident_is_said_otherwise_resolved_and_opened_again(hand: Hand) -> None:
    """What it is, how it ended and its edges can be edited; who reads it sees what is said now."""
    with hand.write() as tx:
        blame = Blame("caused_by", "c1", "human")
        made = tx.incidents.open(
            Incident(
                "a" * 32, "flights", "late", "low", "person:ann", 0, blames=(blame,), about="model/delay", began_at=7
            )
        )
        assert (made.about, made.began_at, made.resolved_by, made.resolution) == ("model/delay", 7, "", "")
        later = tx.incidents.edit(replace(made, title="later", severity="high", about="", began_at=None))
        assert (later.title, later.severity, later.about, later.began_at) == ("later", "high", "", None)
        over = tx.incidents.resolve(made.id, by="person:bo", why="done")
        assert tx.incidents.resolve(made.id, by="person:ann", why="again") == over
        assert (over.resolved_by, over.resolution, over.resolved_at) == ("person:bo", "done", tx.now)
        assert tx.incidents.reopen(made.id) == later
        assert tx.incidents.titles("flights", [made.id, "x"]) == {made.id: "later"}
        assert tx.incidents.titles("trains", [made.id]) == tx.incidents.titles("flights", []) == {}
        tx.incidents.absolve(made.id, blame)
        assert tx.incidents.get(made.id).blames == ()
        with pytest.raises(NotFound):
            tx.incidents.known("trains", made.id)


def test_a_title_that_was_made_of_a_reason_is_a_line(hand: Hand) -> None:
    """Whatever somebody wrote of a rollback: line breaks are spaces, nothing acts upon a terminal, and a book is cut."""
    titles = []
    with hand.write() as tx:
        for text in ("late\nand\tagain\x1b[2J\u202e", "x" * 200, "x" * 10_000):
            made = tx.incidents.open(Incident(hand.ids.new(), "flights", text, "high", "person:ann", 0))
            titles.append(made.title)
    assert titles == ["late and again[2J", "x" * 200, "x" * 199 + "…"]
