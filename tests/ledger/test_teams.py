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


def test_a_role_holds_where_membership_and_grant_meet(hand: Hand) -> None:
    """A team's role reaches its members, in the project that both speak of; `*` is every project."""
    with hand.write() as tx:
        for project, role, holder in (
            ("flights", "team/ml", "person:ann"),
            ("*", "team/sre", "person:ann"),
            ("flights", "role/approver", "team/ml"),
            ("other", "role/admin", "team/ml"),
            ("*", "role/viewer", "team/sre"),
            ("rail", "role/contributor", "team/sre"),
            ("flights", "role/contributor", "person:bob"),
        ):
            tx.teams.add(project, role, holder, by="person:root")
        assert tx.teams.standing("person:ann") == [
            ("*", "role/viewer"),
            ("flights", "role/approver"),
            ("rail", "role/contributor"),
        ]
        assert tx.teams.standing("person:bob") == [("flights", "role/contributor")]
        assert tx.teams.standing("person:eve") == []


def test_holders_are_actors_never_teams(hand: Hand) -> None:
    """Who has a role is told by name, members of a team that has it among them."""
    with hand.write() as tx:
        tx.teams.add("*", "role/admin", "team/ops", by="person:root")
        tx.teams.add("*", "team/ops", "person:ann", by="person:root")
        tx.teams.add("*", "role/admin", "person:bob", by="person:root")
        tx.teams.add("flights", "team/ops", "person:eve", by="person:root")
        assert tx.teams.holders("*", "role/admin") == ["person:ann", "person:bob"]


def test_everybody_is_an_actor(hand: Hand) -> None:
    """Once each, whatever they have and wherever, and no team among them."""
    with hand.write() as tx:
        tx.teams.add("flights", "role/viewer", "team/ops", by="person:root")
        tx.teams.add("*", "team/ops", "person:eve", by="person:root")
        tx.teams.add("flights", "role/viewer", "person:eve", by="person:root")
        tx.teams.add("rail", "role/viewer", "token:ci", by="person:root")
        assert tx.teams.everybody() == ["person:eve", "token:ci"]
