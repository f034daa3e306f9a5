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
