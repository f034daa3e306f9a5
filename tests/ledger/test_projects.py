from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Hand


def test_a_project_is_made_once(hand: Hand) -> None:
    """Ensuring twice is once, and the list is sorted."""
    with hand.write() as tx:
        for name in ("b", "a", "b"):
            tx.projects.ensure(name)
        assert tx.projects.list() == ["a", "b"]


def test_a_project_that_was_deleted_comes_back_when_somebody_needs_it(hand: Hand) -> None:
    """Deleting is a mark that takes it from the list, and ensuring takes the mark away."""
    with hand.write() as tx:
        tx.projects.ensure("a")
        tx.projects.delete("a")
        assert (tx.projects.there("a"), tx.projects.list()) == (False, [])
        tx.projects.ensure("a")
        assert (tx.projects.there("a"), tx.projects.list(), tx.projects.there("b")) == (True, ["a"], False)
