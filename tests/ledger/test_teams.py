from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Hand


def test_members_come_and_go(hand: Hand) -> None:
    """Adding twice is once; removing says whether there was anything to remove; projects do not mix."""
    with hand.write() as tx:
        for actor in ("person:ann", "person:ann", "person:bob"):
            tx.teams.add("flights", "team/ml", actor, by="person:root")
        tx.teams.add("other", "team/ml", "person:eve", by="person:root")
        assert tx.teams.all("flights") == {"team/ml": frozenset({"person:ann", "person:bob"})}
        assert tx.teams.remove("flights", "team/ml", "person:bob")
        assert not tx.teams.remove("flights", "team/ml", "person:bob")
        assert tx.teams.all("flights") == {"team/ml": frozenset({"person:ann"})}
